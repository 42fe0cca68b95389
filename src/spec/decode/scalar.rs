//! Single values: text, words, numbers, versions.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::{Number, Value};

use super::{Decoder, name};
use crate::model::shape::Shape;
use crate::model::suggest::{either, near};
use crate::model::version::Version;
use crate::spec::diagnostic::{Diagnostic, Fix};
use crate::spec::node::{Node, Style, is_number};

impl Decoder<'_> {
    pub(super) fn scalar(&mut self, node: &Node, text: &str, style: Style, shape: &Shape, path: &str) -> Option<Value> {
        match shape {
            Shape::Text { pattern, min, max, example } => {
                self.not_a_number(node, text, style, path)?;
                self.text(node, text, *pattern, (*min, *max), example, path)
            }
            Shape::Reference(kind) => {
                self.not_a_number(node, text, style, path)?;
                crate::spec::rules::id::reference(self, *kind, node, text, path)?;
                Some(Value::String(text.to_ascii_lowercase()))
            }
            Shape::Version => {
                self.not_a_number(node, text, style, path)?;
                if Version::parse(text).is_none() {
                    self.wrong(node, path, "a version such as \"7.2\", \"6.x\" or \"5.0.6\"");
                    return None;
                }
                Some(Value::String(text.to_owned()))
            }
            Shape::Scalar => Some(Value::String(text.to_owned())),
            Shape::Enum(words) => self.word(node, text, words, path),
            Shape::Bool => self.boolean(node, text, style, path),
            Shape::Integer { min, max } => self.integer(node, text, style, (*min, *max), path),
            Shape::Number => self.number(node, text, style, path),
            Shape::Decimal { min, max } => {
                let value = self.number(node, text, style, path)?;
                self.within(node, text, value, (*min, *max), path)
            }
            Shape::Duration => match duration(text) {
                Some(length) if !length.is_zero() => Some(Value::String(text.to_owned())),
                found => {
                    let more = if found.is_some() { ", longer than nothing" } else { "" };
                    self.wrong(node, path, &format!("a length of time such as 500ms, 10s or 5m{more}"));
                    None
                }
            },
            Shape::Secret | Shape::List { .. } | Shape::Map { .. } | Shape::Object(_) | Shape::OrNone(_) => {
                self.wrong_shape(node, path, &expected(shape), Some(shape));
                None
            }
        }
    }

    /// YAML reads 8.0 as a number and 8.10 as 8.1: text that looks like a number must be quoted.
    fn not_a_number(&mut self, node: &Node, text: &str, style: Style, path: &str) -> Option<()> {
        if style != Style::Plain || !(is_number(text) || is_boolean(text)) {
            return Some(());
        }
        self.report(
            Diagnostic::error("wrong-type", format!("`{}`: expected a string, found {}", name(path), node.describe()))
                .path(path)
                .at(node.span, "YAML does not keep this as it is written")
                .help("put it into quotes")
                .fix(node.span, format!("\"{text}\"")),
        );
        None
    }

    fn text(
        &mut self,
        node: &Node,
        text: &str,
        pattern: Option<&'static str>,
        (min, max): (usize, usize),
        example: &str,
        path: &str,
    ) -> Option<Value> {
        let length = text.chars().count();
        if length < min || length > max {
            let wanted = format!("{min} to {max} characters");
            let found = if length == 0 { "an empty string".to_owned() } else { format!("{length} of them") };
            self.report(
                Diagnostic::error("wrong-length", format!("`{}`: expected {wanted}, found {found}", name(path)))
                    .path(path)
                    .at(node.pointed(), format!("expected {wanted}")),
            );
            return None;
        }
        if let Some(pattern) = pattern
            && !matches(pattern, text)
        {
            let expected =
                if example.is_empty() { format!("text like {pattern}") } else { format!("something like `{example}`") };
            self.wrong(node, path, &expected);
            return None;
        }
        Some(Value::String(text.to_owned()))
    }

    fn word(&mut self, node: &Node, text: &str, words: &'static [&'static str], path: &str) -> Option<Value> {
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
            if *word != text {
                self.report(
                    Diagnostic::warn("letter-case", format!("`{}`: `{text}` is written `{word}`", name(path)))
                        .path(path)
                        .at(node.span, format!("taken as {word}"))
                        .help("write it as AWS does")
                        .fix(node.span, *word),
                );
            }
            return Some(Value::String((*word).to_owned()));
        }
        let mut diagnostic =
            Diagnostic::error("not-allowed", format!("`{}`: `{}` is not allowed", name(path), node.shown()))
                .path(path)
                .at(node.pointed(), format!("expected {}", either(words)));
        match near(text, words.iter().copied()) {
            Some(near) if near.certain => {
                diagnostic = diagnostic.help(format!("did you mean `{}`?", near.word)).fix(node.span, near.word);
            }
            Some(near) => diagnostic = diagnostic.help(format!("did you mean `{}`?", near.word)),
            None if words.len() > 9 => diagnostic = diagnostic.help(format!("allowed: {}", words.join(", "))),
            None => {}
        }
        self.report(diagnostic);
        None
    }

    fn boolean(&mut self, node: &Node, text: &str, style: Style, path: &str) -> Option<Value> {
        let fix = match text.to_ascii_lowercase().as_str() {
            "true" | "false" if style != Style::Quoted && text == text.to_ascii_lowercase() => {
                return Some(Value::Bool(text == "true"));
            }
            "true" | "yes" | "on" | "y" => "true",
            "false" | "no" | "off" | "n" => "false",
            _ => {
                self.wrong(node, path, "true or false");
                return None;
            }
        };
        let why = if style == Style::Quoted { "in quotes it is text" } else { "not a boolean in YAML 1.2" };
        self.report(
            Diagnostic::error(
                "wrong-type",
                format!("`{}`: expected true or false, found {}", name(path), node.describe()),
            )
            .path(path)
            .at(node.span, why)
            .help(format!("write {fix}"))
            .fix(node.span, fix),
        );
        None
    }

    fn integer(&mut self, node: &Node, text: &str, style: Style, (min, max): (i64, i64), path: &str) -> Option<Value> {
        let plain = text == "0" || !text.trim_start_matches('-').starts_with('0');
        let number = text.parse::<i64>().ok().filter(|_| plain && !text.starts_with('+'));
        match number {
            Some(_) if style == Style::Quoted => {
                self.report(
                    Diagnostic::error(
                        "wrong-type",
                        format!("`{}`: expected a number, found {}", name(path), node.describe()),
                    )
                    .path(path)
                    .at(node.span, "in quotes it is text")
                    .help("leave the quotes out")
                    .fix(node.span, text),
                );
                None
            }
            Some(number) if (min..=max).contains(&number) => Some(Value::Number(number.into())),
            Some(number) => {
                self.report(
                    Diagnostic::error("out-of-range", format!("`{}`: {number} is not from {min} to {max}", name(path)))
                        .path(path)
                        .at(node.span, format!("expected {min} to {max}")),
                );
                None
            }
            None => {
                self.wrong(node, path, &format!("a whole number from {min} to {max}"));
                // 06379 and 6_379 are numbers to some readers of YAML, of different values.
                let digits = text.replace('_', "");
                let meant = digits.trim_start_matches('0').parse::<i64>().ok();
                let meant = meant.filter(|meant| (min..=max).contains(meant) && style == Style::Plain);
                if let (Some(meant), Some(last)) = (meant, self.diagnostics.last_mut())
                    && last.path == path
                {
                    last.help = Some("write it without leading zeros and underscores".to_owned());
                    last.fix = Some(Fix { span: node.span, replacement: meant.to_string() });
                }
                None
            }
        }
    }

    fn number(&mut self, node: &Node, text: &str, style: Style, path: &str) -> Option<Value> {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && style != Style::Quoted);
        let Some(number) = number else {
            self.wrong(node, path, "a number");
            return None;
        };
        // Whole numbers stay whole, so that what is printed reads as it was written.
        text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(number)).map(Value::Number)
    }

    fn within(&mut self, node: &Node, text: &str, value: Value, (min, max): (f64, f64), path: &str) -> Option<Value> {
        if value.as_f64().is_some_and(|number| (min..=max).contains(&number)) {
            return Some(value);
        }
        self.report(
            Diagnostic::error("out-of-range", format!("`{}`: {text} is not from {min} to {max}", name(path)))
                .path(path)
                .at(node.span, format!("expected {min} to {max}")),
        );
        None
    }
}

fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")
}

/// Patterns are few and fixed; each is compiled once.
pub fn matches(pattern: &'static str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<&'static str, Option<Regex>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        compiled
            .entry(pattern)
            .or_insert_with(|| Regex::new(pattern).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    })
}

pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text { .. } | Shape::Reference(_) => "a string".into(),
        Shape::Version => "a version in quotes, such as \"7.2\"".into(),
        Shape::Scalar => "a string, a number or a word".into(),
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number => "a number".into(),
        Shape::Decimal { min, max } => format!("a number from {min} to {max}"),
        Shape::Bool => "true or false".into(),
        Shape::Enum(words) => either(words),
        Shape::Duration => "a length of time such as 10s".into(),
        Shape::List { .. } => "a list".into(),
        Shape::Map { .. } | Shape::Object(_) => "a map".into(),
        Shape::Secret => "a place where a secret is kept".into(),
        Shape::OrNone(of) => format!("none, or {}", expected(of)),
    }
}

/// `500ms`, `10s`, `5m`, `1h`.
pub fn duration(text: &str) -> Option<std::time::Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    std::time::Duration::try_from_secs_f64(seconds).ok()
}
