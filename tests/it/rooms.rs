//! The rooms of the house and the doors between them, as CONTRIBUTING.md lists them, and what they say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Doors = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The doors of the table: `| `src/plan/` | what it does | `model`, `resource` |`.
fn allowed() -> Doors {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `src/"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let room = cells[0].split('`').next().unwrap_or_default().trim_end_matches('/').trim_end_matches(".rs");
        let doors = cells.get(2).copied().unwrap_or_default();
        (room.to_owned(), doors.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    })
    .collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The rooms that a file's code names: `crate::ROOM::...`, and each of `crate::{ROOM, ROOM::...}`.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join("\n");
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => drop(rooms.insert(word(after))),
            Some(list) => {
                let (mut depth, mut start, mut items) = (0, 0, Vec::new());
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            items.push(&list[start..at]);
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            items.push(&list[start..at]);
                            start = at + 1;
                        }
                        _ => {}
                    }
                }
                rooms.extend(items.into_iter().map(word));
            }
        }
    }
    rooms
}

/// By room, the rooms that it enters, and where.
fn entered() -> BTreeMap<String, BTreeMap<String, String>> {
    let source = root().join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut entered: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in found {
        let path = file.strip_prefix(&source).expect("inside");
        let Some(room) = path.iter().next().and_then(|first| first.to_str()) else { continue };
        let room = room.trim_end_matches(".rs");
        if matches!(room, "lib" | "main") {
            continue;
        }
        let doors = entered.entry(room.to_owned()).or_default();
        for other in named(&fs::read_to_string(&file).expect("a file")).into_iter().filter(|other| other != room) {
            doors.entry(other).or_insert_with(|| path.display().to_string());
        }
    }
    entered
}

/// A way that leads back to where it began.
fn circle(doors: &Doors) -> Option<Vec<String>> {
    fn walk<'a>(doors: &'a Doors, way: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> Option<Vec<String>> {
        let here = *way.last()?;
        for next in doors.get(here).into_iter().flatten() {
            if let Some(at) = way.iter().position(|room| room == next) {
                return Some(way[at..].iter().chain([&next.as_str()]).map(|room| (*room).to_owned()).collect());
            }
            if !done.contains(next.as_str()) {
                way.push(next);
                if let Some(found) = walk(doors, way, done) {
                    return Some(found);
                }
                way.pop();
            }
        }
        done.insert(here);
        None
    }
    let mut done = BTreeSet::new();
    doors.keys().find_map(|room| walk(doors, &mut vec![room], &mut done))
}

#[test]
fn a_room_enters_only_the_rooms_that_contributing_lists() {
    let allowed = allowed();
    let mut forbidden = Vec::new();
    for (room, doors) in entered() {
        let Some(allowed) = allowed.get(&room) else {
            forbidden.push(format!("src/{room} is not in the table"));
            continue;
        };
        if allowed.contains("*") {
            continue;
        }
        let others = doors.iter().filter(|(other, _)| !allowed.contains(*other));
        forbidden.extend(others.map(|(other, file)| format!("{room} -> {other} in src/{file}")));
    }
    assert!(forbidden.is_empty(), "CONTRIBUTING.md has no such door:\n{}", forbidden.join("\n"));
}

#[test]
fn no_two_rooms_enter_one_another_on_any_way() {
    let doors = entered().into_iter().map(|(room, doors)| (room, doors.into_keys().collect())).collect();
    assert_eq!(circle(&doors), None);
}

/// The rooms whose public items say what they are.
const DOCUMENTED: [&str; 3] = ["model", "resource", "client"];

/// The public item that a line begins, by its name. Modules say what they are in their own first lines.
fn public_item(line: &str) -> Option<String> {
    let line = line.trim_start();
    let item = ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|public| line.strip_prefix(public))?;
    let mut words = item.split_whitespace().peekable();
    while words.next_if(|word| matches!(*word, "async" | "unsafe")).is_some() {}
    let mut kind = words.next()?;
    if kind == "const" && words.next_if_eq(&"fn").is_some() {
        kind = "fn";
    }
    let name = words.next()?.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    let is_item = matches!(kind, "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static");
    is_item.then(|| format!("{kind} {name}"))
}

/// The public items of a file that lack a doc comment whose first line is a sentence by itself.
fn speechless(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let (mut found, mut first, mut in_attribute) = (Vec::new(), None, false);
    for (number, line) in code.lines().enumerate() {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            first = first.or(Some(doc.trim()));
        } else if in_attribute || line.starts_with("#[") {
            in_attribute = !line.ends_with(']');
        } else {
            let first = first.take();
            let lacks = match first {
                None => "has no doc comment".to_owned(),
                Some(first) if first.ends_with(['.', '?']) => continue,
                Some(first) => format!("begins with what is no sentence by itself: {first}"),
            };
            found.extend(public_item(line).map(|item| format!("{}: {item} {lacks}", number + 1)));
        }
    }
    found
}

#[test]
fn every_public_item_of_model_resource_and_client_says_in_a_sentence_what_it_is() {
    let mut lacking = Vec::new();
    for room in DOCUMENTED {
        let mut found = Vec::new();
        files(&root().join("src").join(room), &mut found);
        for file in found {
            let path = file.strip_prefix(root().join("src")).expect("inside");
            let text = fs::read_to_string(&file).expect("a file");
            lacking.extend(speechless(&text).into_iter().map(|item| format!("src/{}:{item}", path.display())));
        }
    }
    lacking.sort();
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn the_check_of_doc_comments_sees_what_it_should() {
    let said = "/// A word.\n#[derive(\n    Debug,\n)]\npub struct A {\n    pub field: u8,\n}\n\
                /// Is it?\n///\n/// Yes\npub(super) const fn b() {}\npub mod c;\n";
    assert_eq!(speechless(said), [""; 0]);
    let unsaid = "/// Another's.\nfn a() {}\n#[must_use]\npub async fn b<T>() {}\n\
                  /// Runs on\n/// here.\n    pub(crate) const C: u8 = 1;\n";
    assert_eq!(
        speechless(unsaid),
        ["4: fn b has no doc comment", "7: const C begins with what is no sentence by itself: Runs on"]
    );
    assert_eq!(speechless("#[cfg(test)]\nmod tests {\n    pub fn a() {}\n}\n"), [""; 0]);
}

#[test]
fn the_check_of_doors_sees_what_it_should() {
    let text = "use crate::{lint, plan::{self, x}};\n// crate::smoke\nfn f() { crate::aws::g() }";
    assert_eq!(named(text), ["aws", "lint", "plan"].map(str::to_owned).into());
    let doors = |pairs: &[(&str, &str)]| -> Doors {
        pairs.iter().map(|(room, door)| ((*room).to_owned(), BTreeSet::from([(*door).to_owned()]))).collect()
    };
    assert_eq!(circle(&doors(&[("a", "b"), ("b", "c")])), None);
    assert_eq!(circle(&doors(&[("a", "b"), ("b", "a")])).map(|way| way.len()), Some(3));
}
