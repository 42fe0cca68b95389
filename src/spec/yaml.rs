//! YAML text to a [`Node`] tree. Strict where YAML is treacherous: duplicate keys, several documents
//! and alias bombs are errors.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::decode::MAX_FAULTS;
use super::diagnostic::Diagnostic;
use super::node::{Content, Entry, Key, Node, Style, shorten};
use super::source::{FileId, Sources, Span};

/// More than a stack of several thousand resources has; fewer than hurt.
const MAX_NODES: usize = 500_000;
const MAX_DEPTH: usize = 64;
/// What aliases and anchors may copy: a few lines can otherwise stand for billions of values.
const MAX_COPIED_NODES: usize = 50_000;
const MAX_COPIED_BYTES: usize = 4 << 20;

/// Reads one file. `None` where the text is not YAML at all; the diagnostics say why.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = sources.text(file);
    let mut builder = Builder {
        file,
        text,
        offsets: char_offsets(text),
        anchors: HashMap::new(),
        nodes: 0,
        copied: Size::default(),
        diagnostics,
    };
    builder.document()
}

struct Builder<'a> {
    file: FileId,
    text: &'a str,
    /// Byte offset of each character; the parser counts characters. `None` for ASCII, where they agree.
    offsets: Option<Vec<usize>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    copied: Size,
    diagnostics: &'a mut Vec<Diagnostic>,
}

const TABS: &str = "YAML is indented with spaces, never with tabs";

/// The parser's complaint in the words of one who writes a spec: what stands there, and what to do.
fn plainly(info: &str) -> (&'static str, &'static str) {
    let has = |words: &str| info.contains(words);
    if has("tab") {
        ("a tab", TABS)
    } else if has("quoted scalar") {
        ("this quote is not closed", "close the quote on its line")
    } else if has("expected ',' or ']'") || has("expected ',' or '}'") || has("illegal placement of ':'") {
        ("unexpected here", "close the bracket, or put a comma between entries")
    } else if has("did not find expected key") || has("did not find expected '-'") || has("block mapping") {
        ("unexpected here", "the line is indented neither like its neighbours nor deeper: align it")
    } else if has("unknown anchor") {
        ("nothing before this is marked with this name", "mark a value with &NAME before *NAME repeats it")
    } else if has("mapping values") {
        ("a second `:` on one line", "put the value into quotes if it holds `: `")
    } else {
        ("unexpected here", "")
    }
}

/// An error that ends the reading of this file; it was reported.
struct Stop;

impl<'a> Builder<'a> {
    fn document(&mut self) -> Option<Node> {
        let mut parser = Parser::new_from_str(self.text);
        let mut root = None;
        loop {
            match self.next(&mut parser).ok()? {
                None | Some((Event::StreamEnd, _)) => break,
                Some((Event::DocumentStart(_), span)) if root.is_some() => {
                    self.diagnostics.push(
                        Diagnostic::error("several-documents", "a spec is one YAML document, this file holds several")
                            .at(span, "a second document starts here")
                            .help("put each stack into a file of its own: cachectl plan a.yaml b.yaml"),
                    );
                    return None;
                }
                Some((Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _)) => {}
                Some((event, span)) => root = Some(self.node(&mut parser, event, span, 0).ok()?),
            }
        }
        let root = root.filter(|node| !matches!(node.content, Content::Null));
        if root.is_none() {
            self.diagnostics.push(
                Diagnostic::error("empty-file", "the file is empty")
                    .at(Span { file: self.file, start: 0, end: 0 }, "")
                    .help("start with `apiVersion: cachectl/v1`, `stack: NAME` and `region: REGION`"),
            );
        }
        root
    }

    fn next(
        &mut self,
        parser: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
    ) -> Result<Option<(Event<'a>, Span)>, Stop> {
        match parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let span = self.span(span.start, span.end);
                Ok(Some((event, span)))
            }
            Some(Err(error)) => {
                let at = self.span(*error.marker(), *error.marker());
                let line_start = self.text[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
                let line = self.text[line_start..].lines().next().unwrap_or_default();
                let tab = line.trim_start_matches(' ').starts_with('\t');
                let (label, help) = if tab { ("a tab", TABS) } else { plainly(error.info()) };
                let mut diagnostic =
                    Diagnostic::error("syntax", format!("not valid YAML: {}", error.info())).at(at, label);
                if !help.is_empty() {
                    diagnostic = diagnostic.help(help);
                }
                self.diagnostics.push(diagnostic);
                Err(Stop)
            }
        }
    }

    /// The next event of a list or map; where there is none, says which bracket was open.
    fn next_within(
        &mut self,
        parser: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
        open: Span,
    ) -> Result<Option<(Event<'a>, Span)>, Stop> {
        let next = self.next(parser);
        let bracket = self.text[open.start..].starts_with(['[', '{']);
        if let (Err(Stop), true, Some(last)) = (&next, bracket, self.diagnostics.last_mut())
            && last.labels.len() == 1
            && last.span().is_some_and(|span| span.start != open.start)
        {
            last.labels.push(super::diagnostic::Label {
                span: Span { end: open.start + 1, ..open },
                text: "opened here".to_owned(),
            });
        }
        next
    }

    fn node(
        &mut self,
        parser: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Node, Stop> {
        self.count(span)?;
        if depth > MAX_DEPTH {
            self.diagnostics
                .push(Diagnostic::error("too-deep", format!("nested deeper than {MAX_DEPTH} levels")).at(span, "here"));
            return Err(Stop);
        }
        let (anchor, node) = match event {
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    self.diagnostics.push(
                        Diagnostic::error("syntax", "an alias inside the value that it stands for").at(span, "here"),
                    );
                    return Err(Stop);
                };
                let size = size(node);
                self.copies(size, span)?;
                return self.anchors.get(&id).cloned().ok_or(Stop);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let span = Span { end: quoted_end(self.text, span), ..span };
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let content = if plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL") {
                    Content::Null
                } else {
                    Content::Scalar {
                        text: Cow::into_owned(text),
                        style: if plain { Style::Plain } else { Style::Quoted },
                    }
                };
                (anchor, Node::new(content, span))
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let mut items = Vec::new();
                let mut end = span.end;
                while let Some((event, span)) = self.next_within(parser, span)? {
                    if matches!(event, Event::SequenceEnd) {
                        end = span.end;
                        break;
                    }
                    items.push(self.node(parser, event, span, depth + 1)?);
                }
                (anchor, Node::new(Content::List(items), self.trim(span, end)))
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), span);
                let mut seen: HashMap<String, usize> = HashMap::new();
                let mut entries = Vec::new();
                let mut end = span.end;
                while let Some((event, key_span)) = self.next_within(parser, span)? {
                    if matches!(event, Event::MappingEnd) {
                        end = key_span.end;
                        break;
                    }
                    let key = self.node(parser, event, key_span, depth + 1)?;
                    let Some((event, value_span)) = self.next(parser)? else { return Err(Stop) };
                    let value = self.node(parser, event, value_span, depth + 1)?;
                    self.insert(&mut entries, &mut seen, key, value);
                }
                self.merge_keys(&entries);
                (anchor, Node::new(Content::Map(merged(entries)), self.trim(span, end)))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => {
                self.diagnostics
                    .push(Diagnostic::error("syntax", "not valid YAML: a value is missing").at(span, "here"));
                return Err(Stop);
            }
        };
        if anchor > 0 {
            self.copies(size(&node), span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// `!Ref`, `!Sub` and the like mean something to other tools, which would be lost here.
    fn tag(&mut self, tag: Option<&saphyr_parser::Tag>, span: Span) {
        if tag.is_some_and(|tag| !(tag.is_yaml_core_schema() && tag.suffix == "str")) {
            self.report(
                Diagnostic::error("syntax", "YAML tags (!…) have no meaning in a spec")
                    .at(span, "this value has one")
                    .help("write the value itself, or ${var.NAME}"),
            );
        }
    }

    fn merge_keys(&mut self, entries: &[Entry]) {
        let map = |node: &Node| matches!(node.content, Content::Map(_));
        for entry in entries.iter().filter(|entry| entry.key.text == "<<") {
            let sound = match &entry.value.content {
                Content::Map(_) => true,
                Content::List(items) => items.iter().all(map),
                Content::Null | Content::Scalar { .. } => false,
            };
            if !sound {
                self.report(
                    Diagnostic::error("wrong-type", format!("`<<` takes a map, found {}", entry.value.describe()))
                        .at(entry.value.pointed(), "expected an alias of a map, such as *common"),
                );
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_FAULTS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn insert(&mut self, entries: &mut Vec<Entry>, seen: &mut HashMap<String, usize>, key: Node, value: Node) {
        let text = match key.content {
            Content::Scalar { text, .. } => text,
            Content::Null => "null".to_owned(),
            Content::List(_) | Content::Map(_) => {
                self.report(
                    Diagnostic::error("wrong-type", "a key must be a plain word, not a list or a map")
                        .at(key.start(), "begins here"),
                );
                return;
            }
        };
        if let Some(first) = seen.get(&text).filter(|_| text != "<<") {
            let first = entries[*first].key.span;
            self.report(
                Diagnostic::error("duplicate-key", format!("the key `{}` appears twice in one map", shorten(&text)))
                    .at(key.span, "again here")
                    .at(first, "first here")
                    .help("keep one of them; nothing is merged or overridden within a file"),
            );
            return;
        }
        seen.insert(text.clone(), entries.len());
        entries.push(Entry { key: Key { text, span: key.span }, value });
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { self.too_large(format!("more than {MAX_NODES} values"), span) } else { Ok(()) }
    }

    fn copies(&mut self, size: Size, span: Span) -> Result<(), Stop> {
        self.copied.nodes += size.nodes;
        self.copied.bytes += size.bytes;
        if self.copied.nodes > MAX_COPIED_NODES {
            return self.too_large(format!("aliases repeat more than {MAX_COPIED_NODES} values"), span);
        }
        if self.copied.bytes > MAX_COPIED_BYTES {
            return self.too_large("aliases repeat more than 4 MB of text".to_owned(), span);
        }
        Ok(())
    }

    fn too_large(&mut self, what: String, span: Span) -> Result<(), Stop> {
        let end = span.start + self.text[span.start..span.end].lines().next().unwrap_or_default().len();
        self.diagnostics.push(
            Diagnostic::error("too-large", format!("the spec is too large: {what}"))
                .at(Span { end, ..span }, "the limit is reached here")
                .help("split the stack, or use fewer nested aliases"),
        );
        Err(Stop)
    }

    fn span(&self, start: Marker, end: Marker) -> Span {
        let at = |marker: Marker| match &self.offsets {
            None => marker.index().min(self.text.len()),
            Some(offsets) => offsets.get(marker.index()).copied().unwrap_or(self.text.len()),
        };
        let (start, end) = (at(start), at(end));
        self.trim(Span { file: self.file, start, end }, end)
    }

    /// A block ends where its last value does, not at the blank lines and comments after it.
    fn trim(&self, span: Span, end: usize) -> Span {
        let text = &self.text[span.start..end.max(span.start)];
        Span { end: span.start + text.trim_end().len(), ..span }
    }
}

/// Where a quoted text ends: the parser takes a comment behind it along. Other texts end where it says.
fn quoted_end(text: &str, span: Span) -> usize {
    let written = text.get(span.range()).unwrap_or_default();
    let Some(quote @ ('"' | '\'')) = written.chars().next() else { return span.end };
    let mut inner = written.char_indices().skip(1).peekable();
    while let Some((at, c)) = inner.next() {
        if c == '\\' && quote == '"'
            || c == quote && quote == '\'' && inner.peek().is_some_and(|(_, next)| *next == quote)
        {
            inner.next();
        } else if c == quote {
            return span.start + at + 1;
        }
    }
    span.end
}

/// `<<: *anchor` brings in the keys that the map itself does not have.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.iter().any(|entry| entry.key.text == "<<") {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key.text == "<<");
    let mut known: HashSet<String> = own.iter().map(|entry| entry.key.text.clone()).collect();
    for merge in merges {
        let sources = match merge.value.content {
            Content::List(items) => items,
            _ => vec![merge.value],
        };
        for entry in sources.iter().flat_map(Node::entries) {
            if known.insert(entry.key.text.clone()) {
                own.push(entry.clone());
            }
        }
    }
    own
}

#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

fn size(node: &Node) -> Size {
    fn add(node: &Node, sum: &mut Size) {
        sum.nodes += 1;
        match &node.content {
            Content::Null => {}
            Content::Scalar { text, .. } => sum.bytes += text.len(),
            Content::List(items) => items.iter().for_each(|item| add(item, sum)),
            Content::Map(entries) => {
                for entry in entries {
                    sum.bytes += entry.key.text.len();
                    add(&entry.value, sum);
                }
            }
        }
    }
    let mut sum = Size::default();
    add(node, &mut sum);
    sum
}

fn char_offsets(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect())
}
