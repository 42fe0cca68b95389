//! Text: numbers in sentences, and what came from elsewhere made harmless.

use std::borrow::Cow;

/// A count with its noun: `1 node`, `2 nodes`.
pub fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Foreign text on one line, with nothing in it that a terminal, a log or an eye would take for more than text.
///
/// Control characters become their pictures (`␛`, `␊`), invisible ones and those that turn the direction of
/// writing are named (`[U+202E]`), and what a build log takes for a command gets a space in it. Text that is
/// harmless stays as it is; doing it twice changes nothing more.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) && !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\u{0}'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}' => out.push('\u{2421}'),
            c if is_unseen(c) => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(without_commands(&out))
}

/// Is it a control character, an invisible one, or one that turns the direction of writing?
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Without what GitHub (`::error`, `##[group]`), Azure (`##vso[...]`) and TeamCity (`##teamcity[...]`) do as
/// they read a log: GitHub at the start of a line, the others anywhere in it.
fn without_commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let mut rest = text;
    while let Some(at) = ["::", "##"].iter().filter_map(|mark| rest.find(mark)).min() {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (mark, after) = from.split_at(2);
        let begins = out.chars().next_back().is_none_or(char::is_whitespace);
        let word = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        let is_command = match mark {
            "::" => begins && after.starts_with(|c: char| c.is_ascii_alphabetic()),
            _ => word.starts_with('['),
        };
        out.push_str(&mark[..1]);
        if is_command {
            out.push(' ');
        }
        rest = &from[1..];
    }
    out.push_str(rest);
    out
}

/// A text of several lines with colours of its own, as it may be printed.
///
/// Whatever slipped through unharmed by [`inert`] neither moves the cursor nor begins a line that a build log obeys.
pub fn printable(text: &str) -> Cow<'_, str> {
    let odd = |c: char| c != '\n' && is_unseen(c);
    if !text.contains(odd) && !text.contains("::") && !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        let line_end = if line.ends_with('\n') { "\n" } else { "" };
        let mut rest = line.trim_end_matches('\n');
        let mut shown = String::with_capacity(rest.len());
        while let Some(at) = rest.find(odd) {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = colour(rest).unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
            let (odd, after) = rest.split_at(length);
            if length > 2 && odd.starts_with('\u{1b}') {
                shown.push_str(odd);
            } else {
                shown.push_str(&inert(odd));
            }
            rest = after;
        }
        shown.push_str(rest);
        out.push_str(&without_commands(&shown));
        out.push_str(line_end);
    }
    Cow::Owned(out)
}

/// The length of a sequence that sets a colour or weight, and hides nothing.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find('m')?;
    let is_plain = |parameter: &str| {
        matches!(parameter, "" | "0" | "1" | "2" | "3" | "4") || {
            let number: u8 = parameter.parse().unwrap_or(0);
            matches!(number, 31..=36 | 91..=96)
        }
    };
    // Of the 256 colours only those that `render::style` uses: others can be as dark as the background.
    let is_known = matches!(&parameters[..end], "38;5;130" | "38;5;243");
    (is_known || parameters[..end].split(';').all(is_plain)).then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_foreign_text_moves_the_cursor_hides_or_begins_a_line() {
        for (text, shown) in [
            ("plain text, äöü 漢字 🎉, arn:aws:sns:us-east-1::x", "plain text, äöü 漢字 🎉, arn:aws:sns:us-east-1::x"),
            ("\u{1b}[2K\u{1b}]52;c;Zm9v\u{7}", "␛[2K␛]52;c;Zm9v␇"),
            ("a\r\nb\tc", "a␍␊b␉c"),
            ("\u{202e}hidden\u{200b}\u{9b}2J\u{7f}", "[U+202E]hidden[U+200B][U+009B]2J␡"),
            ("\n::error file=a.yaml::pwned", "␊::error file=a.yaml::pwned"),
            ("::error::x", ": :error::x"),
            ("see ::warning::x", "see : :warning::x"),
            ("##vso[task.setvariable]x", "# #vso[task.setvariable]x"),
            ("a##[group]b ### heading ##", "a# #[group]b ### heading ##"),
            ("###vso[x]", "## #vso[x]"),
            ("::1 :: ::", "::1 :: ::"),
        ] {
            assert_eq!(inert(text), shown);
            assert_eq!(inert(shown), shown, "once is enough");
        }
    }

    #[test]
    fn what_is_printed_keeps_its_colours_and_lines_and_loses_everything_else() {
        let green = "\u{1b}[32mok\u{1b}[0m\n  \u{1b}[1m\u{1b}[91mbad\u{1b}[0m\n";
        assert_eq!(printable(green), green);
        assert_eq!(printable("\u{1b}[8mhidden\u{1b}[2J"), "␛[8mhidden␛[2J");
        assert_eq!(printable("a\n  ::error::b\nc ::notice::d\n"), "a\n  : :error::b\nc : :notice::d\n");
        assert_eq!(printable("\u{1b}[30;40mblack"), "␛[30;40mblack");
        assert_eq!(printable("\u{1b}[31"), "␛[31");
    }
}
