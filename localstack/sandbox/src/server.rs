//! HTTP: one connection after the other, each call through the world.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming as Body;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::world::World;
use crate::{door, faults, wire};

/// What the log says of a call that took effect and whose answer was dropped; a refused one has its code after it.
const DROPPED: &str = "answer dropped";

/// The world and its lock, shared by the server, the handle and the data plane.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Shared(Arc::new(Mutex::new(world)))
    }

    /// A panic in one call must not take the others with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on request of a fault")
    }
}

impl std::error::Error for Closed {}

pub(crate) async fn serve(listener: TcpListener, shared: Shared) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: wait for some to come back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Answers are small and complete; waiting for more to send only costs time.
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, shared.clone()));
            // A client that goes away is its own business.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Body>, shared: Shared) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let path = head.uri.path();
    if let Some(route) = path.strip_prefix("/_sandbox/") {
        let (status, content_type, body) = door::answer(&shared, &head.method, route, &body);
        return Ok(respond(status, content_type, &[], body));
    }
    let incoming = match wire::read(path, head.uri.query(), &head.headers, &body) {
        Ok(incoming) => incoming,
        Err((protocol, refusal)) => {
            let id = shared.lock().request_id();
            let written = wire::write(protocol, "", &id, &Err(refusal));
            return Ok(respond(written.status, written.content_type, &written.headers, written.body));
        }
    };
    let (began, verdict, id) = {
        let mut world = shared.lock();
        let began = world.begin(incoming.service, &incoming.operation);
        (began, world.judge(&incoming), world.request_id())
    };
    if verdict.refuse_connection {
        shared.lock().end(&began, 0, Some("connection refused"));
        return Err(Closed);
    }
    if verdict.hold_ms > 0 {
        tokio::time::sleep(Duration::from_millis(verdict.hold_ms)).await;
    }
    let result = match verdict.error {
        Some(ref effect) => Err(faults::refusal(effect, incoming.service, incoming.protocol, &incoming.operation)),
        None => shared.lock().run(&incoming, verdict.stale_ms),
    };
    if verdict.slow_ms > 0 {
        tokio::time::sleep(Duration::from_millis(verdict.slow_ms)).await;
    }
    let code = result.as_ref().err().map(|refusal| refusal.code.as_ref());
    if verdict.drop_answer {
        let dropped = code.map_or_else(|| DROPPED.to_owned(), |code| format!("{DROPPED}: {code}"));
        shared.lock().end(&began, 0, Some(&dropped));
        return Err(Closed);
    }
    let written = wire::write(incoming.protocol, &incoming.operation, &id, &result);
    shared.lock().end(&began, written.status, code);
    Ok(respond(written.status, written.content_type, &written.headers, written.body))
}

fn respond(
    status: u16,
    content_type: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let map = response.headers_mut();
    if let Ok(value) = content_type.parse() {
        map.insert(hyper::header::CONTENT_TYPE, value);
    }
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            map.insert(*name, value);
        }
    }
    response
}
