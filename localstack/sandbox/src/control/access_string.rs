//! Access strings: AWS stores them in its own order and spelling, which differs from what was sent.

use crate::refusal::Refusal;

/// Switches, then keys, then channels, then databases, then commands. Defaults are filled in: `off`, no channels
/// (`resetchannels`), no commands before those that are allowed (`-@all`).
pub(crate) fn normalise(text: &str) -> Result<String, Refusal> {
    let mut switch = "off";
    let (mut keys, mut channels, mut commands) = (Vec::new(), Vec::new(), Vec::<String>::new());
    let mut databases = None;
    if text.trim().is_empty() {
        return Err(invalid("it must not be blank"));
    }
    for word in text.split_whitespace() {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "on" => switch = "on",
            "off" => switch = "off",
            "allkeys" => keys.push("~*".to_owned()),
            "allchannels" => channels.push("&*".to_owned()),
            "resetkeys" => keys.clear(),
            "resetchannels" => channels.clear(),
            "allcommands" => commands.push("+@all".to_owned()),
            "nocommands" => commands.push("-@all".to_owned()),
            // AWS guide, role-based access control: passwords have their own member.
            "nopass" | "resetpass" | "reset" => {
                return Err(invalid(&format!("{word} is not allowed")));
            }
            _ if word.starts_with(['>', '<', '#', '!']) => {
                return Err(invalid("passwords are not allowed"));
            }
            _ if word.starts_with('~') || word.starts_with('%') => keys.push(word.to_owned()),
            _ if word.starts_with('&') => channels.push(word.to_owned()),
            _ if names_databases(&lower) => databases = Some(lower),
            _ if word.len() > 1 && word.starts_with(['+', '-']) => {
                if let Some(category) = lower.get(1..).and_then(|name| name.strip_prefix('@'))
                    && !CATEGORIES.contains(&category)
                {
                    return Err(invalid(&format!("unknown command category in {word}")));
                }
                commands.push(lower);
            }
            _ => return Err(invalid(&format!("syntax error in {word}"))),
        }
    }
    let opens_all = commands.first().is_some_and(|first| first == "+@all" || first == "-@all");
    if !opens_all {
        commands.insert(0, "-@all".to_owned());
    }
    let everything = commands == ["+@all"] && keys == ["~*"];
    if channels.is_empty() && !everything {
        channels.push("resetchannels".to_owned());
    }
    let mut words = vec![switch.to_owned()];
    words.extend(keys);
    words.extend(channels.into_iter().filter(|channel| !(everything && channel == "&*")));
    words.extend(databases);
    words.extend(commands);
    Ok(words.join(" "))
}

/// `db=0,1`: the databases that a user is limited to, from Valkey 9.1 (AWS guide, role-based access control).
fn names_databases(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix("db=").is_some_and(|numbers| numbers.split(',').all(is_number))
}

/// Whether an access string only means something to Valkey 9.1 and later.
pub(crate) fn is_of_9_1(access: &str) -> bool {
    access.split_whitespace().any(names_databases)
}

fn invalid(why: &str) -> Refusal {
    Refusal::invalid_value(format!("The access string is invalid: {why}."))
}

const CATEGORIES: &[&str] = &[
    "all",
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "json",
    "search",
    "bloom",
];

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn aws_writes_access_strings_its_own_way() {
        let read = |text| normalise(text).ok();
        assert_eq!(read("ON  +@read ~app:* +GET"), Some("on ~app:* resetchannels -@all +@read +get".into()));
        assert_eq!(read("on ~* &* +@all"), Some("on ~* +@all".into()));
        assert_eq!(read("~a"), Some("off ~a resetchannels -@all".into()));
        assert_eq!(read("on >secret ~*"), None);
        assert_eq!(read("on ~* +@nonsense"), None);
        assert_eq!(read("on DB=0,1 ~a +get"), Some("on ~a resetchannels db=0,1 -@all +get".into()));
        assert_eq!((read("on db= ~a"), read("on db=0,x ~a")), (None, None));
    }

    #[test]
    fn what_it_writes_it_reads_back_the_same() {
        for text in ["on ~app:* +@read +@write +@connection", "on ~* +@all", "off ~x &ch -@all"] {
            let once = normalise(text).unwrap_or_default();
            assert_eq!(normalise(&once), Ok(once.clone()), "{text}");
        }
    }
}
