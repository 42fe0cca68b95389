//! A client of a few lines over plain HTTP, so that no SDK hides what is on the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cachectl_sandbox::{Options, Sandbox};

pub(crate) struct Aws {
    pub sandbox: Sandbox,
}

/// What came back: an HTTP status and a body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of every element of this name, at any depth, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = text.split(&open).skip(1);
        parts.map(|part| part.split(&close).next().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) fn one(&self, name: &str) -> String {
        self.all(name).into_iter().next().unwrap_or_default()
    }

    /// `Code: Message`.
    pub(crate) fn error(&self) -> String {
        format!("{}: {}", self.one("Code"), self.one("Message").replace("&quot;", "\""))
    }
}

impl Aws {
    /// Every state instant.
    pub(crate) fn instant() -> Self {
        Self::with(Options::default())
    }

    /// States last as long as on AWS: nothing happens but by [`Aws::pass`].
    pub(crate) fn patient() -> Self {
        Self::with(Options { time_scale: 1.0, ..Options::default() })
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.sandbox.pass(Duration::from_secs(seconds));
    }

    pub(crate) fn with(options: Options) -> Self {
        Aws { sandbox: Sandbox::start_blocking(options).expect("the sandbox starts") }
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let address = self.sandbox.endpoint();
        let mut stream = TcpStream::connect(address.trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Reply { status, head, body: bytes[end + 4..].to_vec() })
    }

    /// A call of the ElastiCache API, whatever its answer.
    pub(crate) fn try_call(&self, action: &str, parameters: &str) -> std::io::Result<Reply> {
        let separator = if parameters.is_empty() { "" } else { "&" };
        let body = format!("Action={action}&Version=2015-02-02{separator}{}", parameters.replace(' ', "%20"));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/", &headers, body.as_bytes())
    }

    #[track_caller]
    pub(crate) fn call(&self, action: &str, parameters: &str) -> Reply {
        let reply = self.try_call(action, parameters).expect("an answer");
        assert_eq!(reply.status, 200, "{action} {parameters}: {}", reply.error());
        reply
    }

    /// The error of a call that must be refused.
    #[track_caller]
    pub(crate) fn refused(&self, action: &str, parameters: &str) -> String {
        let reply = self.try_call(action, parameters).expect("an answer");
        assert_ne!(reply.status, 200, "{action} {parameters} was accepted");
        reply.error()
    }

    pub(crate) fn json(&self, target: &str, body: &str) -> Reply {
        let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
        self.send("POST", "/", &headers, body.as_bytes()).expect("an answer")
    }

    pub(crate) fn door(&self, method: &str, path: &str, body: &str) -> Reply {
        self.send(method, &format!("/_sandbox/{path}"), &[], body.as_bytes()).expect("an answer")
    }

    /// A Valkey group with cluster mode disabled.
    #[track_caller]
    pub(crate) fn group(&self, id: &str, more: &str) -> Reply {
        let basics = format!(
            "ReplicationGroupId={id}&ReplicationGroupDescription=d&Engine=valkey&CacheNodeType=cache.r7g.large"
        );
        self.call("CreateReplicationGroup", &format!("{basics}&{more}"))
    }

    #[track_caller]
    pub(crate) fn modify(&self, id: &str, more: &str) -> Reply {
        self.call("ModifyReplicationGroup", &format!("ReplicationGroupId={id}&{more}"))
    }

    #[track_caller]
    pub(crate) fn describe(&self, id: &str) -> Reply {
        self.call("DescribeReplicationGroups", &format!("ReplicationGroupId={id}"))
    }

    /// The group's status, or the error.
    pub(crate) fn status(&self, id: &str) -> String {
        let reply = self.try_call("DescribeReplicationGroups", &format!("ReplicationGroupId={id}")).expect("an answer");
        if reply.status == 200 { status_of_group(&reply) } else { reply.one("Code") }
    }

    pub(crate) fn member(&self, id: &str) -> Reply {
        self.call("DescribeCacheClusters", &format!("CacheClusterId={id}"))
    }

    /// Polls until the group's status is this one.
    #[track_caller]
    pub(crate) fn until(&self, id: &str, status: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.status(id) != status {
            assert!(Instant::now() < deadline, "{id} is {} and not {status}", self.status(id));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Polls until this member is available, which is after its group.
    #[track_caller]
    pub(crate) fn until_settled(&self, member: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.member(member).one("CacheClusterStatus") != "available" {
            assert!(Instant::now() < deadline, "{member} does not settle");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Polls until an event of this text was told of.
    #[track_caller]
    pub(crate) fn until_event(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.events().iter().any(|event| event.contains(text)) {
            assert!(Instant::now() < deadline, "no event {text}: {:?}", self.events());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.call("DescribeEvents", "").all("Message")
    }
}

/// A group has a status beside those of its node groups.
pub(crate) fn status_of_group(reply: &Reply) -> String {
    let text = reply.text();
    let outside = match (text.find("<NodeGroups>"), text.find("</NodeGroups>")) {
        (Some(from), Some(to)) => format!("{}{}", &text[..from], &text[to..]),
        _ => text,
    };
    Reply { body: outside.into_bytes(), ..reply.clone() }.one("Status")
}
