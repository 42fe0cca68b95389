//! What a rule reports with: at the fields that disagree, with a patch where the remedy is certain.

use serde_json::Value;

use crate::model::{Address, Kind, Resource, Spec};
use crate::spec::decode::{MAX_FAULTS, join};
use crate::spec::diagnostic::{Diagnostic, Severity};
use crate::spec::source::{Sources, Span};

pub struct Finder<'a> {
    pub spec: &'a Spec,
    pub sources: &'a Sources,
    /// Of the rule that looks.
    pub code: &'static str,
    pub diagnostics: &'a mut Vec<Diagnostic>,
    pub secrets: &'a mut Vec<Span>,
}

/// What was just reported, to add a patch to it. Nothing where the place was found faulty before.
pub struct Reported<'f, 'a> {
    finder: &'f mut Finder<'a>,
    at: Option<usize>,
}

impl<'a> Finder<'a> {
    /// Reports at the first field, with the others as the places that disagree with it.
    pub fn error(
        &mut self,
        resource: &Resource,
        fields: &[(&str, &str)],
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Reported<'_, 'a> {
        self.report(Severity::Error, &resource.path, fields, message.into(), help.into())
    }

    /// What AWS takes, and what is most likely not meant.
    pub fn warn(
        &mut self,
        resource: &Resource,
        fields: &[(&str, &str)],
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Reported<'_, 'a> {
        self.report(Severity::Warn, &resource.path, fields, message.into(), help.into())
    }

    pub fn report(
        &mut self,
        severity: Severity,
        base: &str,
        fields: &[(&str, &str)],
        message: String,
        help: String,
    ) -> Reported<'_, 'a> {
        let paths: Vec<String> = fields.iter().map(|(field, _)| join(base, field)).collect();
        let locations = &self.spec.locations;
        if self.diagnostics.len() >= MAX_FAULTS || paths.iter().any(|path| locations.is_faulty(path)) {
            return Reported { finder: self, at: None };
        }
        let mut diagnostic = Diagnostic { severity, ..Diagnostic::error(self.code, message) }.help(help);
        for (path, (_, label)) in paths.iter().zip(fields) {
            diagnostic = diagnostic.maybe_at(self.place(path), *label);
        }
        if let Some(path) = paths.first() {
            diagnostic = diagnostic.path(path);
        }
        self.diagnostics.push(diagnostic);
        let at = Some(self.diagnostics.len() - 1);
        Reported { finder: self, at }
    }

    /// Was something reported there before?
    pub fn is_faulty(&self, resource: &Resource, field: &str) -> bool {
        self.spec.locations.is_faulty(&join(&resource.path, field))
    }

    /// The same at a key, where the key is what is wrong.
    pub fn key_error(&mut self, base: &str, field: &str, label: &str, message: String, help: &str) {
        let path = join(base, field);
        if self.diagnostics.len() < MAX_FAULTS && !self.spec.locations.is_faulty(&path) {
            let at = self.spec.locations.key(&path);
            self.diagnostics.push(Diagnostic::error(self.code, message).path(path).maybe_at(at, label).help(help));
        }
    }

    /// The value's place; a block's key, since the block may go on for pages.
    fn place(&self, path: &str) -> Option<Span> {
        let locations = &self.spec.locations;
        let value = locations.value(path).filter(|span| !self.sources.of(*span).contains('\n'));
        value.or_else(|| locations.nearest(path))
    }

    /// A parameter of a parameter group that this spec declares, by the group's name.
    pub fn parameter(&self, group: &Resource, name: &str) -> Option<(&'a Resource, &'a str)> {
        let own = self.own(Kind::ParameterGroup, group.text("cacheParameterGroupName")?)?;
        let parameters = own.fields.get("parameters")?.as_object()?;
        let value = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1;
        Some((own, value.as_str()?))
    }

    /// A resource of this spec.
    pub fn own(&self, kind: Kind, id: &str) -> Option<&'a Resource> {
        self.spec.resources.get(&Address::new(kind, id))
    }

    /// Is the group, as declared, in cluster mode?
    pub fn clustered(&self, group: &Resource) -> bool {
        group.number("numNodeGroups").is_some_and(|shards| shards > 1)
            || group.text("clusterMode") == Some("enabled")
            || (group.text("clusterMode").is_none()
                && self.parameter(group, "cluster-enabled").is_some_and(|(_, value)| value == "yes"))
    }
}

impl Reported<'_, '_> {
    /// A certain remedy: another value.
    pub fn instead(self, resource: &Resource, field: &str, text: &str) {
        let path = join(&resource.path, field);
        let Some(span) = self.finder.spec.locations.value(&path) else { return };
        // A value that came from a variable is mended where the variable is set.
        if self.finder.sources.of(span).contains(['$', '\n']) {
            return;
        }
        self.patch(span, text);
    }

    /// A certain remedy: a line more, before the line of the field `beside`.
    pub fn insert(self, resource: &Resource, beside: &str, line: &str) {
        let path = join(&resource.path, beside);
        let Some(key) = self.finder.spec.locations.key(&path) else { return };
        let Some(indent) = self.finder.sources.indent(key) else { return };
        let start = key.start - indent.len();
        let text = format!("{indent}{line}\n");
        self.patch(Span { start, end: start, ..key }, &text);
    }

    fn patch(self, span: Span, text: &str) {
        if let Some(diagnostic) = self.at.and_then(|at| self.finder.diagnostics.get_mut(at)) {
            diagnostic.fix = Some(crate::spec::diagnostic::Fix { span, replacement: text.to_owned() });
        }
    }
}

/// Is the field there, and not cleared?
pub(super) fn set(resource: &Resource, field: &str) -> bool {
    resource.fields.get(field).is_some_and(|value| !crate::model::shape::is_empty(value))
}

pub(super) fn list<'a>(resource: &'a Resource, field: &str) -> &'a [Value] {
    resource.fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
