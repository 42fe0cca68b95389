//! The sandbox's own connection to a server: RESP2 over its unix socket.

use std::{io, path::Path, pin::Pin};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::server::Credentials;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Text(Vec<u8>),
    Error(String),
    Integer(i64),
    Null,
    Array(Vec<Reply>),
}

impl Reply {
    /// An error reply becomes an error.
    fn checked(self, command: &str) -> io::Result<Self> {
        match self {
            Reply::Error(text) => Err(io::Error::other(format!("{command}: {text}"))),
            reply => Ok(reply),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Reply::Text(bytes) => str::from_utf8(bytes).unwrap_or_default(),
            Reply::Error(text) => text,
            _ => "",
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Reply::Text(bytes) => bytes,
            _ => &[],
        }
    }

    pub(super) fn integer(&self) -> i64 {
        match self {
            Reply::Integer(number) => *number,
            _ => 0,
        }
    }

    pub(super) fn array(&self) -> &[Reply] {
        match self {
            Reply::Array(items) => items,
            _ => &[],
        }
    }
}

/// A command and its arguments, encoded.
#[derive(Clone)]
pub(super) struct Command {
    name: String,
    wire: Vec<u8>,
}

impl Command {
    pub(super) fn new<A: AsRef<[u8]>>(words: impl IntoIterator<Item = A>) -> Self {
        let words: Vec<A> = words.into_iter().collect();
        let mut wire = format!("*{}\r\n", words.len()).into_bytes();
        for word in &words {
            let word = word.as_ref();
            wire.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            wire.extend_from_slice(word);
            wire.extend_from_slice(b"\r\n");
        }
        // The name alone goes into error texts: arguments may be passwords.
        let name = words.first().map(|name| String::from_utf8_lossy(name.as_ref()).into_owned()).unwrap_or_default();
        Self { name, wire }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.wire
    }
}

pub(super) struct Connection(BufReader<UnixStream>);

impl Connection {
    pub(super) async fn open(socket: &Path, who: &Credentials) -> io::Result<Self> {
        let mut connection = Self(BufReader::new(UnixStream::connect(socket).await?));
        connection.call(["AUTH", &who.user, &who.password]).await?;
        Ok(connection)
    }

    pub(super) async fn call<A: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = A>) -> io::Result<Reply> {
        let command = Command::new(words);
        self.0.get_mut().write_all(&command.wire).await?;
        self.read().await?.checked(&command.name)
    }

    /// Sends all commands at once. Error replies are left for the caller to judge.
    pub(super) async fn pipeline(&mut self, commands: &[Command]) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(commands.len());
        // In portions, so that neither side's buffers grow with the number of slots.
        for portion in commands.chunks(512) {
            let wire: Vec<u8> = portion.iter().flat_map(|command| command.wire.iter().copied()).collect();
            self.0.get_mut().write_all(&wire).await?;
            for _ in portion {
                replies.push(self.read().await?);
            }
        }
        Ok(replies)
    }

    /// Like [`pipeline`](Self::pipeline), but the first error reply ends it.
    pub(super) async fn all(&mut self, commands: &[Command]) -> io::Result<Vec<Reply>> {
        let replies = self.pipeline(commands).await?;
        replies.into_iter().zip(commands).map(|(reply, command)| reply.checked(&command.name)).collect()
    }

    fn read(&mut self) -> Pin<Box<dyn Future<Output = io::Result<Reply>> + Send + '_>> {
        Box::pin(async move {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end();
            let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
            let number = || rest.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
            Ok(match kind {
                "+" => Reply::Text(rest.as_bytes().to_vec()),
                "-" => Reply::Error(rest.to_owned()),
                ":" => Reply::Integer(number()?),
                "$" | "*" if number()? < 0 => Reply::Null,
                "$" => {
                    let mut bytes = vec![0; number()? as usize + 2];
                    self.0.read_exact(&mut bytes).await?;
                    bytes.truncate(bytes.len() - 2);
                    Reply::Text(bytes)
                }
                "*" => {
                    let mut items = Vec::new();
                    for _ in 0..number()? {
                        items.push(self.read().await?);
                    }
                    Reply::Array(items)
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            })
        })
    }
}
