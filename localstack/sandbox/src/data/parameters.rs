//! Engine parameters.

use std::{collections::BTreeMap, io};

use super::{
    resp::{Command, Connection},
    server::CONFIG,
};

/// What the sandbox needs as it set it. A parameter group may well name some of these.
const OWN: [&str; 22] = [
    "aclfile",
    "appendonly",
    "bind",
    "bind-source-addr",
    "cluster-node-timeout",
    "cluster-replica-no-failover",
    "cluster-allow-replica-migration",
    "dir",
    "hz",
    "logfile",
    "masterauth",
    "masteruser",
    "port",
    "protected-mode",
    "repl-diskless-load",
    "repl-diskless-sync",
    "repl-diskless-sync-delay",
    "replica-announce-ip",
    "replica-announce-port",
    "requirepass",
    "save",
    "tls-port",
];

/// The parameters of one server.
#[derive(Default)]
pub(super) struct Parameters {
    wanted: BTreeMap<String, String>,
    /// What the server had before the sandbox changed it.
    defaults: BTreeMap<String, String>,
}

impl Parameters {
    pub(super) async fn enforce(
        &mut self,
        server: &mut Connection,
        wanted: &BTreeMap<String, String>,
    ) -> io::Result<()> {
        if self.wanted == *wanted {
            return Ok(());
        }
        let is_own = |name: &str| OWN.contains(&name) || name.starts_with("cluster-announce");
        let changed: Vec<(&str, &str)> = wanted
            .iter()
            .filter(|(name, value)| self.wanted.get(*name) != Some(value) && !is_own(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let known: Vec<Command> = changed.iter().map(|(name, _)| Command::new([CONFIG, "GET", name])).collect();
        for ((name, _), reply) in changed.iter().zip(server.pipeline(&known).await?) {
            if let [_, value] = reply.array() {
                self.defaults.entry((*name).to_owned()).or_insert_with(|| value.text().to_owned());
            }
        }
        let gone = self.wanted.keys().filter(|name| !wanted.contains_key(*name));
        let reset = gone.filter_map(|name| Some((name.as_str(), self.defaults.get(name)?.as_str())));
        let commands: Vec<Command> =
            reset.chain(changed).map(|(name, value)| Command::new([CONFIG, "SET", name, value])).collect();
        // ElastiCache has parameters that no server knows (reserved-memory-percent), and some are for other versions.
        server.pipeline(&commands).await?;
        self.wanted.clone_from(wanted);
        Ok(())
    }
}
