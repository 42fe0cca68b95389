//! Who may connect and do what: AUTH tokens and RBAC users as ACL users of the engine.

use super::{
    resp::{Command, Connection},
    server::Credentials,
    shape::{Auth, User},
};

/// What no user of ElastiCache may run, whatever the access string says ("Supported and restricted commands" in the
/// ElastiCache user guide). Those without subcommand are renamed besides, see `server`.
const RESTRICTED: [&str; 32] = [
    "-acl|deluser",
    "-acl|load",
    "-acl|save",
    "-acl|setuser",
    "-bgrewriteaof",
    "-bgsave",
    "-cluster|addslots",
    "-cluster|addslotsrange",
    "-cluster|bumpepoch",
    "-cluster|delslots",
    "-cluster|delslotsrange",
    "-cluster|failover",
    "-cluster|flushslots",
    "-cluster|forget",
    "-cluster|links",
    "-cluster|meet",
    "-cluster|replicate",
    "-cluster|reset",
    "-cluster|saveconfig",
    "-cluster|set-config-epoch",
    "-cluster|setslot",
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
pub(super) async fn enforce(server: &mut Connection, auth: &Auth, admin: &Credentials) -> std::io::Result<()> {
    let users = users(auth);
    let mut commands: Vec<Command> = users.iter().map(set_user).collect();
    let present = server.call(["ACL", "USERS"]).await?;
    for name in present.array().iter().map(|name| name.text()) {
        if name != admin.user && users.iter().all(|user| user.name != name) {
            // The engine cannot be without its default user, but that one can be off.
            commands.push(match name {
                "default" => Command::new(["ACL", "SETUSER", "default", "reset"]),
                name => Command::new(["ACL", "DELUSER", name]),
            });
        }
    }
    server.all(&commands).await.map(drop)
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

fn set_user(user: &User) -> Command {
    let mut words = vec!["ACL".to_owned(), "SETUSER".to_owned(), user.name.clone(), "reset".to_owned()];
    words.extend(user.access_string.split_whitespace().map(str::to_owned));
    words.extend(user.passwords.iter().map(|password| format!(">{password}")));
    words.extend(user.no_password.then(|| "nopass".to_owned()));
    words.extend(RESTRICTED.iter().map(|rule| (*rule).to_owned()));
    Command::new(words)
}
