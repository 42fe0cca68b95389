//! Exit codes, and the words that plans and messages use.

use super::Entry;
use crate::cli::exit::Exit;

#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("address", "KIND/ID, in lower case as AWS keeps ids: replicationGroup/prod-cache. In a glob `*` matches anything, a slash too."),
    ("ownership", "Who manages a resource, by its tag cachectl:stack. Owned: it carries this stack's tag. Unowned: it exists without one. Foreign: it carries another stack's, and is never touched. Unknown: its tags could not be read."),
    ("adopt", "To start managing a resource that exists without an owner: its tags, and in the same apply whatever differs from the spec. Only with --allow adopt:ADDRESS."),
    ("orphan", "A resource that this stack owns and the spec no longer has. It is listed, and deleted only with --prune and --allow delete:ADDRESS."),
    ("pending", "Accepted by AWS, and not yet in effect: until the maintenance window, or until nodes reboot."),
    ("hop", "One leg of a change that AWS allows only in stages, such as TLS off -> preferred -> required. A plan has one hop, and says what remains; --all-hops plans all of them."),
    ("impact", "What clients of the cache notice of a change. none: nothing. brief: connections drop for seconds. reboot: nodes are restarted. deferred: nothing before the maintenance window. replace: the data is lost unless it is restored. delete: the cache is gone."),
    ("fingerprint", "A digest of what was read of a resource. A saved plan is applied only while it is the same."),
    ("drift", "A difference between AWS and the spec. `cachectl plan --detailed-exitcode` exits 2 then."),
    ("waiver", "An exception from a lint rule for some resources, with a reason and a last day: `policy: {waivers: [...]}`."),
    ("verdict", "What a test says of a cache. passed, warned, failed; undecided: the measurement could not tell; notTested: it was not looked at."),
    ("allow", "What is done only when it is allowed by name: --allow ACTION:ADDRESS-GLOB, with delete, replace, adopt, reboot, flush or rotate. --yes does not cover these."),
];

pub(super) fn topics() -> Vec<String> {
    let codes = Exit::ALL.map(|exit| format!("exit-{}", exit.code()));
    WORDS.iter().map(|(word, _)| (*word).to_owned()).chain(codes).collect()
}

/// The words, for the index.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

pub(super) fn about(topic: &str) -> Vec<Entry> {
    let lower = topic.to_ascii_lowercase();
    let named = ["exit codes", "exit-codes", "exit code", "exitcode", "exit-code", "exit"]
        .iter()
        .find_map(|name| lower.strip_prefix(name));
    let digits = named.unwrap_or(&lower).trim_matches([' ', '-', '=', 's']);
    if let Some(exit) = Exit::ALL.into_iter().find(|exit| exit.code().to_string() == digits) {
        return vec![
            Entry::new(format!("exit {}", exit.code()), "an exit code").says(exit.meaning()).says(exit.advice()),
        ];
    }
    if named.is_some() && digits.is_empty() {
        let entry =
            Entry::new("exit codes", "").says("With several stacks the worst wins: 130, 1, 78, 6, 4, 3, 5, 7, 2, 0.");
        return vec![
            Exit::ALL.into_iter().fold(entry, |entry, exit| entry.line(exit.code().to_string(), exit.meaning())),
        ];
    }
    let is_it = |word: &str| word == lower || lower.strip_suffix('s') == Some(word);
    WORDS
        .iter()
        .filter(|(word, _)| is_it(word))
        .map(|(word, text)| Entry::new(*word, "a word of plans").says(*text))
        .collect()
}
