//! Who may connect and do what: AUTH tokens and RBAC users as ACL users of the engine.

use std::io;

use super::{
    resp::{Command, Connection},
    server::Credentials,
    shape::{Auth, User},
};

/// What no user of ElastiCache may run, whatever the access string says ("Supported and restricted commands" in the
/// ElastiCache user guide). Those without subcommand are renamed besides, see `server`.
const RESTRICTED: [&str; 35] = [
    "-acl|deluser",
    "-acl|load",
    "-acl|save",
    "-acl|setuser",
    "-bgrewriteaof",
    "-bgsave",
    "-cluster|addslots",
    "-cluster|addslotsrange",
    "-cluster|bumpepoch",
    "-cluster|cancelslotmigrations",
    "-cluster|delslots",
    "-cluster|delslotsrange",
    "-cluster|failover",
    "-cluster|flushslots",
    "-cluster|forget",
    "-cluster|links",
    "-cluster|meet",
    "-cluster|migrateslots",
    "-cluster|replicate",
    "-cluster|reset",
    "-cluster|saveconfig",
    "-cluster|set-config-epoch",
    "-cluster|setslot",
    "-cluster|syncslots",
    "-config",
    "-debug",
    "-failover",
    "-migrate",
    "-module",
    "-psync",
    "-replicaof",
    "-save",
    "-shutdown",
    "-slaveof",
    "-sync",
];

/// Makes the users of a server match. Users that are gone lose their connections.
pub(super) async fn enforce(server: &mut Connection, auth: &Auth, admin: &Credentials) -> io::Result<()> {
    let users = users(auth);
    for user in &users {
        set_user(server, user).await?;
    }
    let present = server.call(["ACL", "USERS"]).await?;
    for name in present.array().iter().map(|name| name.text()) {
        if name != admin.user && users.iter().all(|user| user.name != name) {
            // The engine cannot be without its default user, but that one can be off.
            server
                .call(match name {
                    "default" => vec!["ACL", "SETUSER", "default", "reset"],
                    name => vec!["ACL", "DELUSER", name],
                })
                .await?;
        }
    }
    Ok(())
}

/// Rules about commands that this server does not have are left out: an access string may be for a later engine
/// version (as `db=0` is), or for the modules that ElastiCache adds (`+json.get`).
async fn set_user(server: &mut Connection, user: &User) -> io::Result<()> {
    let mut rules = vec!["reset".to_owned()];
    rules.extend(user.access_string.split_whitespace().map(str::to_owned));
    rules.extend(user.passwords.iter().map(|password| format!(">{password}")));
    rules.extend(user.no_password.then(|| "nopass".to_owned()));
    rules.extend(RESTRICTED.iter().map(|rule| (*rule).to_owned()));
    loop {
        let words = ["ACL", "SETUSER", &user.name].into_iter().chain(rules.iter().map(String::as_str));
        let Err(error) = server.call(words).await else { return Ok(()) };
        let text = error.to_string();
        let before = rules.len();
        let is_unknown = text.contains("Unknown command");
        rules.retain(|rule| !(is_unknown || rule.starts_with("db=")) || !text.contains(&format!("'{rule}'")));
        if rules.len() == before {
            let text = format!("user {} with access string {:?}: {text}", user.name, user.access_string);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
}

/// What goes to the server ahead of a client's own commands, so that a client without a token is let in while one is
/// being introduced. The engine's own way, a default user without password, would refuse `AUTH token`.
pub(super) fn greeting(auth: &Auth) -> Option<Vec<u8>> {
    match auth {
        Auth::Token { tokens, open: true } => Some(Command::new(["AUTH", tokens.first()?]).into_bytes()),
        _ => None,
    }
}

fn users(auth: &Auth) -> Vec<User> {
    let default = |passwords: &[String]| User {
        name: "default".to_owned(),
        access_string: "on ~* &* +@all".to_owned(),
        passwords: passwords.to_vec(),
        no_password: passwords.is_empty(),
    };
    match auth {
        Auth::Open => vec![default(&[])],
        Auth::Token { tokens, .. } => vec![default(tokens)],
        Auth::Users(users) => users.clone(),
    }
}
