//! The way into one cache: its endpoint, TLS, who logs in, and where its names lead from here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A password or auth token.
///
/// It can be handed to the client library and nowhere else: `Debug` hides it, and there is no
/// `Display` and no `Serialize`. Clones are one secret: what replaces it replaces it for all, such as a token that is
/// signed anew while connections come and go.
#[derive(Clone)]
pub struct Secret(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    value: Hidden,
    /// It is good for no login any more, and there is no new one.
    is_over: bool,
}

/// What no `Debug` shows.
struct Hidden(Arc<str>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A secret, as long as somebody else holds it.
#[derive(Clone, Debug)]
pub struct WeakSecret(Weak<Mutex<Held>>);

impl Secret {
    /// A secret that from here on only [`Secret::expose`] gives out.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Arc::new(Mutex::new(Held { value: Hidden(value.into().into()), is_over: false })))
    }

    /// The value itself as it is now, for the one call that sends it to the cache.
    pub fn expose(&self) -> Arc<str> {
        Arc::clone(&self.held().value.0)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this is the value, for every clone.
    pub fn replace(&self, value: impl Into<String>) {
        *self.held() = Held { value: Hidden(value.into().into()), is_over: false };
    }

    /// It has ended, and no new one could be had: whoever logs in with it would be refused by no fault of the cache.
    pub fn end(&self) {
        self.held().is_over = true;
    }

    /// Has it ended?
    pub fn is_over(&self) -> bool {
        self.held().is_over
    }

    /// For who renews it, and is no reason to keep it.
    pub fn downgrade(&self) -> WeakSecret {
        WeakSecret(Arc::downgrade(&self.0))
    }
}

impl WeakSecret {
    /// The secret, unless nobody logs in with it any more.
    pub fn upgrade(&self) -> Option<Secret> {
        self.0.upgrade().map(Secret)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where names lead that this machine cannot use as they are: real `host:port` to the near end of a tunnel.
///
/// TLS goes on checking the real name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointMap(BTreeMap<(String, u16), (String, u16)>);

impl EndpointMap {
    /// Makes a node's real `host:port` lead to the near end of a tunnel.
    pub fn insert(&mut self, real: (String, u16), near: (String, u16)) {
        self.0.insert(real, near);
    }

    /// Does no name lead elsewhere?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does this node's name lead elsewhere?
    pub fn has(&self, host: &str, port: u16) -> bool {
        self.0.contains_key(&(host.to_owned(), port))
    }

    /// Where to connect for this node.
    pub fn lead(&self, host: &str, port: u16) -> (String, u16) {
        let real = (host.to_owned(), port);
        self.0.get(&real).cloned().unwrap_or(real)
    }
}

/// TLS with the certificate checked against the endpoint's own name.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificate authorities in PEM to trust instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
}

/// The way into one cache, as its clients take it.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The primary endpoint, the configuration endpoint, or the serverless endpoint.
    pub host: String,
    pub port: u16,
    /// Cluster mode enabled: clients must be cluster-aware.
    pub cluster: bool,
    /// Without cluster mode: the nodes by their own names, for who reads from replicas. The primary knows them by
    /// addresses only, which stand in no certificate.
    pub nodes: Vec<(String, u16)>,
    pub tls: Option<Tls>,
    /// An RBAC user; with a password and no user name, the password is an auth token.
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub map: EndpointMap,
}

impl Way {
    /// The same way in for someone who has no password.
    pub fn without_credentials(&self) -> Self {
        Self { username: None, password: None, ..self.clone() }
    }

    /// The endpoint as `host:port`.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_tunnel_or_to_itself() {
        let mut map = EndpointMap::default();
        map.insert(("a.example".into(), 6379), ("127.0.0.1".into(), 7001));
        assert_eq!(map.lead("a.example", 6379), ("127.0.0.1".to_owned(), 7001));
        assert_eq!(map.lead("a.example", 6380), ("a.example".to_owned(), 6380));
        assert!(map.has("a.example", 6379) && !map.has("b.example", 6379));
    }

    #[test]
    fn what_replaces_a_secret_replaces_it_in_every_way_in() {
        let way = Way { password: Some(Secret::new("token-one")), ..Way::default() };
        let (copy, weak) = (way.clone(), way.password.as_ref().unwrap().downgrade());
        weak.upgrade().unwrap().replace("token-two");
        assert_eq!(&*copy.password.as_ref().unwrap().expose(), "token-two");
        drop((way, copy));
        assert!(weak.upgrade().is_none(), "nobody is left who logs in with it");
    }

    #[test]
    fn a_secret_never_shows() {
        let way = Way { password: Some(Secret::new("hunter2-hunter2")), ..Way::default() };
        assert!(!format!("{way:?}").contains("hunter2"));
    }
}
