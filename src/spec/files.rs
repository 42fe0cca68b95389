//! Files that a spec names are relative to the file that names them, wherever cachectl is started.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::decode::join;
use super::source::Sources;
use crate::model::locations::Locations;
use crate::model::{Address, Resource};

/// A place within a resource where a file can be named: the field, the way into it, and the path in the spec.
type Place = (&'static str, String, String);

fn places(resource: &Resource) -> Vec<Place> {
    let passwords = resource.fields.get("passwords").and_then(Value::as_array).map_or(0, Vec::len);
    let fixed = [("authToken", "/file"), ("smoke", "/password/file"), ("smoke", "/caFile")];
    let fixed = fixed.map(|(field, way)| (field, way.to_owned(), format!("{field}{}", way.replace('/', "."))));
    let listed =
        (0..passwords).map(|index| ("passwords", format!("/{index}/file"), format!("passwords[{index}].file")));
    fixed.into_iter().chain(listed).collect()
}

pub(super) fn anchor(resources: &mut BTreeMap<Address, Resource>, locations: &Locations, sources: &Sources) {
    for resource in resources.values_mut() {
        for (field, way, path) in places(resource) {
            let span = locations.value(&join(&resource.path, &path));
            let folder = span.and_then(|span| Path::new(sources.name(span.file)).parent());
            let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else { continue };
            if let Some(value) = resource.fields.get_mut(field).and_then(|value| value.pointer_mut(&way))
                && let Some(file) = value.as_str().map(|file| folder.join(file))
            {
                *value = file.to_string_lossy().into();
            }
        }
    }
}
