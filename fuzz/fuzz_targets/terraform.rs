//! What `terraform show -json` may print: no panic, whatever it is.
#![no_main]

use cachectl::import::terraform::{Place, state};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(state) = state(text) else { return };
    let here = Place { account: "123456789012".to_owned(), region: "us-east-1".to_owned() };
    let _ = state.regions();
    let _ = state.other_accounts(&here.account);
    if let Ok((_, notes)) = state.selection(&here) {
        drop(notes);
    }
});
