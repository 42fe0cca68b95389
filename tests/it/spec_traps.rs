//! Files that are no specs: they end in a message, soon, and never in a panic.

use std::path::Path;

use cachectl::render::diagnostics::text;
use cachectl::spec::{Loaded, Request, from_text, load};

const HEAD: &str = "apiVersion: cachectl/v1\nstack: demo\nregion: us-east-1\n";

fn file(bytes: &[u8]) -> (tempfile::TempDir, Loaded) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.yaml");
    std::fs::write(&path, bytes).expect("a file");
    let loaded = read(&path);
    (folder, loaded)
}

fn read(path: &Path) -> Loaded {
    load(&Request { path: path.to_owned(), ..Request::default() }, &|_| None)
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Reads, and writes the messages out. Without the reader's limits some of these would not end today.
fn soon(what: &str, input: &str) -> Loaded {
    let loaded = from_text(input);
    let shown = text(&loaded, false);
    assert!(shown.len() < 4_000_000, "{what} is told in {} bytes", shown.len());
    loaded
}

#[test]
fn a_directory_is_no_spec() {
    let folder = tempfile::tempdir().expect("a folder");
    let loaded = read(folder.path());
    assert!(loaded.diagnostics[0].message.ends_with("it is a directory"), "{:?}", loaded.diagnostics);
}

#[test]
fn a_missing_file_is_told_with_what_to_do() {
    let loaded = read(Path::new("/nonexistent/spec.yaml"));
    assert_eq!(codes(&loaded), ["unreadable-file"]);
    assert!(loaded.diagnostics[0].help.as_deref().is_some_and(|help| help.contains("cachectl.yaml")));
    let loaded = read(Path::new("replicationGroup/prod-cache"));
    assert!(loaded.diagnostics[0].help.as_deref().is_some_and(|help| help.starts_with("this is an address")));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_told_as_such() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = file(HEAD.as_bytes());
    let path = folder.path().join("spec.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("permissions");
    if std::fs::read(&path).is_ok() {
        // Root may read everything.
        return;
    }
    assert!(read(&path).diagnostics[0].message.ends_with("permission denied"));
}

#[test]
fn empty_files_and_files_of_comments_are_told_as_empty() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "null\n", "~", "\u{feff}"] {
        let (_folder, loaded) = file(text.as_bytes());
        assert_eq!(codes(&loaded), ["empty-file"], "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let (_folder, loaded) = file(format!("\u{feff}{}", HEAD.replace('\n', "\r\n")).as_bytes());
    assert!(loaded.is_sound(), "{:?}", loaded.diagnostics);
}

#[test]
fn what_is_not_utf8_is_pointed_at() {
    let (_folder, loaded) = file(b"apiVersion: cachectl/v1\nstack: caf\xe9\n");
    let position = loaded.sources.position(loaded.diagnostics[0].span().expect("a place"));
    assert_eq!((position.line, position.column), (2, 11));
    let (_folder, loaded) = file(&[0xff, 0xfe, b'a', 0]);
    assert_eq!(codes(&loaded), ["unreadable-file"]);
}

#[test]
fn a_megabyte_of_garbage_ends_soon() {
    let mut state = 7_u64;
    let mut byte = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let noise: String = (0..1_000_000).map(|_| char::from(32 + byte() % 95)).collect();
    let lines: String =
        (0..1_000_000).map(|_| if byte() % 16 == 0 { '\n' } else { char::from(32 + byte() % 95) }).collect();
    soon("noise", &noise);
    soon("lines of noise", &lines);
    for (what, text) in [
        ("keys", (0..60_000).map(|n| format!("key-{n}: {n}\n")).collect::<String>()),
        ("the same key", "a: 1\n".repeat(200_000)),
        ("brackets", "[".repeat(1_000_000)),
        ("braces", "{a: ".repeat(250_000)),
        ("quotes", "'".repeat(1_000_000)),
        ("dashes", "- ".repeat(500_000)),
        ("questions", "? ".repeat(500_000)),
        ("colons", "a: ".repeat(300_000)),
        ("anchors", (0..50_000).map(|n| format!("k{n}: &a{n} x\n")).collect()),
        ("bangs", "!".repeat(1_000_000)),
        ("a long word", "x".repeat(1_000_000)),
        ("a long key", format!("{}: 1\n", "x".repeat(1_000_000))),
        ("zeros", "\0".repeat(1_000_000)),
        ("tabs", "\t".repeat(1_000_000)),
        ("line ends", "\n".repeat(1_000_000)),
        ("percent", "%".repeat(1_000_000)),
        ("bars", "|\n".repeat(500_000)),
    ] {
        let loaded = soon(what, &text);
        assert!(loaded.spec.is_none(), "{what} is a spec");
    }
}

#[test]
fn a_file_of_more_than_eight_megabytes_is_refused_unread() {
    let (_folder, loaded) = file(&vec![b'#'; 9 << 20]);
    assert_eq!(codes(&loaded), ["too-large"]);
}

#[test]
fn bombs_of_aliases_and_variables_are_bounded() {
    let mut bomb = format!("{HEAD}vars:\n  a: &a [x, x, x, x, x, x, x, x, x]\n");
    for pair in ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"] {
        let (from, to) = (&pair[..1], &pair[1..]);
        bomb.push_str(&format!("  {to}: &{to} [{}]\n", vec![format!("*{from}"); 9].join(", ")));
    }
    assert!(codes(&soon("aliases", &bomb)).contains(&"too-large"));
    let long = format!("{HEAD}vars:\n  a: &a {}\n  b: [{}]\n", "x".repeat(100_000), vec!["*a"; 10_000].join(", "));
    assert!(codes(&soon("a long text, repeated", &long)).contains(&"too-large"));
    let nested =
        format!("{HEAD}tags:\n{}", (0..60).map(|n| format!("{}k: &a{n}\n", " ".repeat(n + 1))).collect::<String>());
    soon("anchors in anchors", &nested);
    let variables =
        format!("{HEAD}vars: {{a: {}}}\ntags: {{t: \"{}\"}}\n", "x".repeat(100_000), "${var.a}".repeat(10_000));
    assert!(codes(&soon("variables", &variables)).contains(&"too-large"));
}

#[test]
fn after_five_hundred_faults_the_rest_is_left_out_and_said_so() {
    let text = format!(
        "{HEAD}replicationGroups:\n{}",
        (0..800).map(|n| format!("  cache-{n}: {{colour: red}}\n")).collect::<String>()
    );
    let loaded = soon("faults", &text);
    assert!(codes(&loaded).contains(&"too-many-faults"));
    assert!(loaded.diagnostics.len() <= 501, "{}", loaded.diagnostics.len());
}

#[test]
fn a_place_before_a_letter_of_several_bytes_is_shown() {
    for text in
        ["漢", "漢: [", "- 漢", "\u{85}", "a:\n  漢字: [x, {漢: y}]\n  漢字: {}\n", "replicationGroups: {漢: [漢]}"]
    {
        soon(text, text);
    }
}

#[test]
fn words_of_yaml_1_1_are_never_taken_for_something_else() {
    let group = |line: &str| {
        from_text(&format!(
            "{HEAD}replicationGroups:\n  cache:\n    description: x\n    cacheNodeType: cache.r7g.large\n    {line}\n"
        ))
    };
    for word in ["yes", "no", "on", "off", "y", "n", "Yes", "NO", "True", "FALSE", "1", "0", "~", "\"true\""] {
        let loaded = group(&format!("autoMinorVersionUpgrade: {word}"));
        assert!(codes(&loaded).contains(&"wrong-type"), "{word} was taken");
    }
    for version in ["8.0", "7", "8.10", "0x8", "1e1", ".5", "-8.0", "+8.0"] {
        let loaded = group(&format!("engineVersion: {version}"));
        let found = loaded.diagnostics.iter().find(|found| found.code == "wrong-type").expect("refused");
        let fix = found.fix.as_ref().expect("a fix");
        assert_eq!(fix.replacement, format!("\"{version}\""));
    }
    for number in ["06379", "6_379", "0x18EB", "6379.0", "6.4e3", "\"6379\"", "+6379", "6379 # ok"] {
        let refused = codes(&group(&format!("port: {number}"))).contains(&"wrong-type");
        assert_eq!(refused, !number.starts_with("6379 #"), "{number}");
    }
    // Words that only look like other words stay words.
    let loaded = from_text(&format!("{HEAD}tags: {{country: \"no\", size: 1_000, time: 12:30:00, zero: 007}}\n"));
    let tags = &loaded.spec.expect("a spec").tags;
    let kept: Vec<&str> = ["country", "size", "time", "zero"].iter().filter_map(|key| tags[*key].as_str()).collect();
    assert_eq!(kept, ["no", "1_000", "12:30:00", "007"]);
}
