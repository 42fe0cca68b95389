//! Throws mutated specs at the reader: none may panic, none may take long.
//!
//!     cargo run --release --example fuzz_spec [INPUTS] [SEED]
//!
//! A slow or crashing input is written to `target/fuzz/`.

#[path = "../tests/it/spec_generator.rs"]
mod spec_generator;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use cachectl::spec::from_text;
use cachectl::spec::located::render;
use spec_generator::{Random, document, spoilt};

const SLOW: Duration = Duration::from_millis(100);
const LONGEST: usize = 16 << 10;

/// What YAML and the reader give a meaning to.
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    ": ", "- ", "? ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a", "!", "!!str ", "|\n", ">-\n", "'", "\"", "#", " # ",
    "---\n", "...\n", "%YAML 1.1\n", "${var.x}", "${env:X}", "${", "$${", "~", "null", "yes", "8.0", "012345678901", "\u{feff}", "é", "漢", "😀",
    "\r\n", "\0", "\u{85}", "\u{2028}", "replicationGroups:\n", "authToken: ", "environments:\n", "vars:\n", "apiVersion: cachectl/v1\n",
];

fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    let mut folders = vec![root.join("specs"), root.join("tests/diagnostics")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "yaml")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                out.push(text);
            }
        }
    }
    out.sort();
    out
}

fn input(random: &mut Random, seeds: &[String]) -> String {
    let mut text = match random.below(40) {
        0 => document(random).to_string(),
        1 => {
            let whole = document(random);
            spoilt(random, &whole).to_string()
        }
        2 => String::new(),
        _ => random.of(seeds).clone(),
    };
    // Long seeds are cut to a window, so that mutations are dense.
    if text.len() > 600 && !random.chance(8) {
        let start = floor(&text, random.below(text.len() - 500));
        let end = floor(&text, start + 500);
        text = text[start..end].to_owned();
    }
    for _ in 0..1 + random.below(6) {
        mutate(random, &mut text, seeds);
        if text.len() > LONGEST {
            text.truncate(floor(&text, LONGEST));
        }
    }
    text
}

fn mutate(random: &mut Random, text: &mut String, seeds: &[String]) {
    let at = floor(text, random.below(text.len() + 1));
    let to = floor(text, (at + 1 + random.below(12)).min(text.len()));
    match random.below(9) {
        0 => text.insert_str(at, random.of::<&str>(TOKENS)),
        1 => drop(text.drain(at..to)),
        2 => text.replace_range(at..to, random.of::<&str>(TOKENS)),
        3 => {
            let other = random.of(seeds);
            let from = floor(other, random.below(other.len() + 1));
            let end = floor(other, (from + random.below(200)).min(other.len()));
            text.insert_str(at, &other[from..end]);
        }
        4 => {
            let end = floor(text, (at + random.below(80)).min(text.len()));
            let piece = text[at..end].repeat(1 + random.below(8));
            text.insert_str(at, &piece);
        }
        5 => text.insert_str(at, &random.of(TOKENS).repeat(1 + random.below(100))),
        6 => text.truncate(at),
        7 => text.insert(at, char::from_u32(random.below(0x11_0000) as u32).unwrap_or('\u{fffd}')),
        _ => {
            // A line deeper or shallower than it was.
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            if text[start..].starts_with(' ') && random.chance(2) {
                text.remove(start);
            } else {
                text.insert(start, ' ');
            }
        }
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Is the text a sound spec, and how long did that take? `None` after a panic.
fn timed(text: &str) -> (Option<bool>, Duration) {
    let start = Instant::now();
    let end = catch_unwind(AssertUnwindSafe(|| {
        let loaded = from_text(text);
        // Messages are part of it: a span that is no place of the file would panic here.
        for diagnostic in loaded.diagnostics.iter().take(3) {
            let _ = render(diagnostic, &loaded.sources, false);
        }
        loaded.is_sound()
    }));
    (end.ok(), start.elapsed())
}

fn keep(kind: &str, number: u64, text: &str) {
    let folder = Path::new("target/fuzz");
    let _ = std::fs::create_dir_all(folder);
    let _ = std::fs::write(folder.join(format!("{kind}-{number}.yaml")), text);
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn main() -> std::process::ExitCode {
    let argument = |index: usize, default: u64| {
        std::env::args().nth(index).and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(default)
    };
    let (inputs, seed) = (argument(1, 1_000_000), argument(2, 1));
    let seeds = seeds();
    let begin = Instant::now();
    let (mut slow, mut crashed, mut sound, mut bytes) = (0, 0, 0, 0);
    let mut longest = Duration::ZERO;
    for number in 0..inputs {
        let text = input(&mut Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number)), &seeds);
        bytes += text.len();
        let (end, mut took) = timed(&text);
        // On a crowded machine a run is slow for no reason of its own: the best of five says how long it takes.
        for _ in 0..4 {
            if took > SLOW && end.is_some() {
                took = took.min(timed(&text).1);
            }
        }
        match end {
            Some(is_sound) => sound += u64::from(is_sound),
            None => {
                crashed += 1;
                keep("crash", number, &text);
            }
        }
        if took > SLOW {
            slow += 1;
            println!("{number}: {took:?} for {} bytes", text.len());
            keep("slow", number, &text);
        }
        longest = longest.max(took);
        if (number + 1).is_power_of_two() || number + 1 == inputs {
            let seconds = begin.elapsed().as_secs_f64();
            println!(
                "{} inputs, {} MB, {seconds:.0} s, {sound} sound, {crashed} crashed, {slow} over 100 ms, longest {:.1} ms",
                number + 1,
                bytes >> 20,
                longest.as_secs_f64() * 1000.0
            );
        }
    }
    if crashed + slow > 0 { std::process::ExitCode::FAILURE } else { std::process::ExitCode::SUCCESS }
}
