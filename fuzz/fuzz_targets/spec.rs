//! A spec of any text: no panic, every message has its place, and what is sound reads back the same once rendered.
#![no_main]

use cachectl::spec::{from_text, located, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loaded = from_text(text);
    for diagnostic in &loaded.diagnostics {
        let _ = located::render(diagnostic, &loaded.sources, false);
    }
    if !loaded.is_sound() {
        return;
    }
    let (Some(document), Some(spec)) = (&loaded.document, &loaded.spec) else { return };
    let rendered = render::yaml(document, spec);
    let again = from_text(&rendered);
    let digest = again.spec.as_ref().map(|spec| &spec.digest);
    assert_eq!(digest, Some(&spec.digest), "{rendered}");
});
