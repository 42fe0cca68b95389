//! A connection inside an event loop: plain or TLS, never blocking, one system call per direction and batch.

use std::io::{self, BufRead, Read, Write};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ClientConnection;

use crate::client::line::Line;

/// A connected socket that never blocks, with its TLS where it has any.
#[derive(Debug)]
pub(super) struct Link {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

/// Buffers that all connections of an event loop share.
#[derive(Debug)]
pub(super) struct Scratch {
    wire: Vec<u8>,
    /// What was received, deciphered.
    pub(super) plain: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { wire: vec![0; 65_536], plain: Vec::with_capacity(65_536) }
    }
}

/// Was there more to read than fitted?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Yes,
    No,
}

impl Link {
    /// Takes over an open line; an error where its socket cannot be kept from blocking.
    pub(super) fn new(line: Line) -> io::Result<Self> {
        let (tcp, tls) = line.into_parts();
        tcp.set_nonblocking(true)?;
        let tls = tls.map(|mut tls| {
            // A batch may be larger than rustls's default of 64 KiB.
            tls.set_buffer_limit(None);
            Box::new(tls)
        });
        Ok(Self { tcp: TcpStream::from_std(tcp), tls })
    }

    /// Puts the link into the poll, for both directions and edge-triggered.
    ///
    /// So no later call to the kernel says what is awaited.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.tcp, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes the link out of the poll, before it is closed.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        // It is about to be closed, which does the same.
        let _ = registry.deregister(&mut self.tcp);
    }

    /// Reads once into `scratch.plain`. `WouldBlock` is an empty read; the end of the stream is an error.
    pub(super) fn receive(&mut self, scratch: &mut Scratch) -> io::Result<More> {
        scratch.plain.clear();
        let length = loop {
            match self.tcp.read(&mut scratch.wire) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(More::No),
                Err(error) => return Err(error),
            }
        };
        let mut cipher = &scratch.wire[..length];
        match &mut self.tls {
            None => scratch.plain.extend_from_slice(cipher),
            Some(tls) => {
                while !cipher.is_empty() {
                    tls.read_tls(&mut cipher)?;
                    let state =
                        tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                    drain(tls, &mut scratch.plain)?;
                    if state.peer_has_closed() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
        // A read that did not fill the buffer took all there was: asking again would only be told so.
        Ok(if length == scratch.wire.len() { More::Yes } else { More::No })
    }

    /// Sends from `out`, from `written` on, as much as the socket takes. Returns whether all of it left.
    pub(super) fn send(&mut self, out: &mut Vec<u8>, written: &mut usize) -> io::Result<bool> {
        match &mut self.tls {
            None => {
                while *written < out.len() {
                    match self.tcp.write(&out[*written..]) {
                        Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                        Ok(length) => *written += length,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            }
            Some(tls) => {
                tls.writer().write_all(&out[*written..])?;
                *written = out.len();
                while tls.wants_write() {
                    match tls.write_tls(&mut self.tcp) {
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        out.clear();
        *written = 0;
        Ok(true)
    }

    /// Does TLS hold bytes that the socket has not taken?
    pub(super) fn holds_back(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }
}

fn drain(tls: &mut ClientConnection, plain: &mut Vec<u8>) -> io::Result<()> {
    let mut reader = tls.reader();
    loop {
        let length = match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                plain.extend_from_slice(bytes);
                bytes.len()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        reader.consume(length);
    }
}
