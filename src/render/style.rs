//! Styles by what they mean, not by colour.

use anstyle::{AnsiColor, Style};

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
            Label::Update | Label::Warn => color(AnsiColor::Yellow),
            Label::Delete | Label::Error => color(AnsiColor::Red),
            Label::Replace => color(AnsiColor::Magenta).bold(),
            Label::Dim => Style::new().dimmed(),
            Label::Strong => Style::new().bold(),
        }
    }
}

/// The text in a style. Who prints it takes the codes out where there is no colour.
pub fn paint(label: Label, text: &str) -> String {
    let style = label.style();
    format!("{style}{text}{style:#}")
}
