//! The wire against botocore's model, by way of boto3. Skipped, with a note, where boto3 is missing;
//! `CACHECTL_PYTHON` names a Python that has it.

use std::path::Path;
use std::process::Command;

#[test]
fn every_answer_has_the_shape_of_the_api_model() {
    let python = std::env::var("CACHECTL_PYTHON").unwrap_or_else(|_| "python3".into());
    let probe = Command::new(&python).args(["-c", "import boto3, cbor2"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        #[expect(clippy::print_stderr, reason = "a skipped test must say so")]
        {
            eprintln!("skipped: {python} has no boto3 and cbor2");
        }
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance.py");
    let binary = env!("CARGO_BIN_EXE_cachectl-sandbox");
    let output = Command::new(&python).arg("-B").arg(script).args(["--binary", binary]).output();
    let output = output.unwrap_or_else(|error| panic!("{python} does not start: {error}"));
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
