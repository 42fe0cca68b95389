//! Styles by what they mean, not by colour.

use anstyle::{Ansi256Color, AnsiColor, Style};

/// Yellow and dimmed text are hard to read on a light background: an orange and a grey that stand out from white as from
/// black.
pub(super) const ORANGE: Ansi256Color = Ansi256Color(130);
pub(super) const GREY: Ansi256Color = Ansi256Color(243);

#[derive(Clone, Copy, Debug)]
pub enum Label {
    Create,
    Update,
    Delete,
    Replace,
    Warn,
    Error,
    Good,
    Dim,
    Strong,
}

impl Label {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Label::Create | Label::Good => color(AnsiColor::Green),
            Label::Update | Label::Warn => Style::new().fg_color(Some(ORANGE.into())),
            Label::Delete | Label::Error => color(AnsiColor::Red),
            Label::Replace => color(AnsiColor::Magenta).bold(),
            Label::Dim => Style::new().fg_color(Some(GREY.into())),
            Label::Strong => Style::new().bold(),
        }
    }
}

/// The text in a style. Who prints it takes the codes out where there is no colour.
pub fn paint(label: Label, text: &str) -> String {
    let style = label.style();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of a colour of the 6x6x6 cube or of the grey ramp, by WCAG.
    fn luminance(Ansi256Color(index): Ansi256Color) -> f64 {
        let rgb = match index {
            16..=231 => {
                let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
                let index = index - 16;
                [level(index / 36), level(index / 6 % 6), level(index % 6)]
            }
            _ => [8 + 10 * (index - 232); 3],
        };
        let linear = |part: u8| match f64::from(part) / 255.0 {
            low @ ..=0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
    }

    #[test]
    fn every_style_may_be_printed() {
        use Label::*;
        for label in [Create, Update, Delete, Replace, Warn, Error, Good, Dim, Strong] {
            let text = paint(label, "text");
            assert_eq!(crate::model::text::printable(&text), text, "{label:?}");
        }
    }

    #[test]
    fn warnings_and_asides_can_be_read_on_white_and_on_black() {
        for color in [ORANGE, GREY] {
            let (on_white, on_black) = (1.05 / (luminance(color) + 0.05), (luminance(color) + 0.05) / 0.05);
            assert!(on_white > 4.0 && on_black > 4.0, "{color:?}: {on_white:.1} on white, {on_black:.1} on black");
        }
    }
}
