//! What to run inside the VPC, for those who are outside of it.

use super::Args;
use super::login::Login;
use crate::client::connect::tunnel;
use crate::smoke::Target;

/// The commands for one cache: this test there, a check by hand, and tunnels from here. No secret is in them.
pub(super) fn text(target: &Target, login: &Login, args: &Args, region: &str) -> String {
    let (host, port) = (&target.way.host, target.way.port);
    let mut out = format!("# {}: {host}:{port}\n", target.address);
    out.push_str("# inside the VPC, where the cache's security group lets it in and the spec's secrets can be read:\n");
    let mut words = vec!["cachectl".to_owned(), "smoke".to_owned(), quoted(&args.path.to_string_lossy())];
    words.push(quoted(&target.address));
    words.extend(args.spec.env.iter().flat_map(|env| ["-e".to_owned(), quoted(env)]));
    words.extend(args.spec.overlay.iter().flat_map(|file| ["--overlay".to_owned(), quoted(&file.to_string_lossy())]));
    words.extend(
        args.spec.var.iter().flat_map(|(name, value)| ["--var".to_owned(), quoted(&format!("{name}={value}"))]),
    );
    words.extend(["--region".to_owned(), quoted(region)]);
    out.push_str(&format!("{}\n", words.join(" ")));

    out.push_str("# by hand, there; a password is asked for:\n");
    let cluster = if target.way.cluster { " -c" } else { "" };
    let tls = if target.way.tls.is_some() { " --tls" } else { "" };
    let user = match login {
        Login::Password { user: Some(user), .. } | Login::Iam { user } => format!(" --user {} --askpass", quoted(user)),
        Login::Password { user: None, .. } => " --askpass".to_owned(),
        Login::Nobody | Login::Unknown { .. } => String::new(),
    };
    out.push_str(&format!("valkey-cli -h {host} -p {port}{tls}{cluster}{user} PING\n"));

    out.push_str("# from here, through an instance in the VPC, with the lines below in the spec:\n");
    let mut nodes = vec![(host.clone(), port)];
    if target.way.cluster {
        nodes.extend(target.members.iter().filter_map(|member| member.endpoint.clone()));
    }
    for (near, (host, port)) in (7000..).zip(&nodes) {
        out.push_str(&format!("{} &\n", tunnel(host, *port, near)));
    }
    let map: Vec<String> =
        (7000..).zip(&nodes).map(|(near, (host, port))| format!("\"{host}:{port}\": \"127.0.0.1:{near}\"")).collect();
    out.push_str(&format!("#   smoke: {{endpointMap: {{{}}}}}\n\n", map.join(", ")));
    out
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_stays_one() {
        assert_eq!(quoted("replicationGroup/prod-cache"), "replicationGroup/prod-cache");
        assert_eq!(quoted("a b; rm -rf '$x'"), "'a b; rm -rf '\\''$x'\\'''");
        assert_eq!(quoted(""), "''");
    }
}
