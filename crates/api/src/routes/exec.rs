//! Further commands in running containers.

use axum::Extension;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use corten_types::ErrorKind;
use corten_wire::{ExecCreateRequest, ExecStartRequest};
use futures_util::stream as streams;
use http::StatusCode;

use super::attach::take_over;
use super::containers::terminal_size;
use super::{Answer, Api};
use crate::ApiError;
use crate::backend::{Attached, StdStream};
use crate::connection::{DetachKeys, Link};
use crate::http::{Params, empty, json, read_json};

/// First API version that sizes the terminal at the start; clients before it send zeros.
const CONSOLE_SIZE: u16 = 42;

pub(super) async fn create(State(api): Api, Path(id): Path<String>, request: Request) -> Answer {
    let wanted: ExecCreateRequest = read_json(request).await?;
    if wanted.cmd.as_ref().is_none_or(Vec::is_empty) {
        return Err(ApiError::invalid("no exec command specified"));
    }
    if DetachKeys::parse(&wanted.detach_keys).is_none() {
        return Err(ApiError::invalid(format!(
            "invalid escape keys ({}) provided",
            wanted.detach_keys
        )));
    }
    Ok(json(StatusCode::CREATED, &api.exec.create(&id, wanted).await?))
}

pub(super) async fn inspect(State(api): Api, Path(id): Path<String>) -> Answer {
    Ok(json(StatusCode::OK, &api.exec.inspect(&id).await?))
}

pub(super) async fn start(
    State(api): Api,
    Extension(link): Extension<Link>,
    Path(id): Path<String>,
    params: Params,
    request: Request,
) -> Answer {
    let headers = request.headers().clone();
    let mut wanted: ExecStartRequest = read_json(request).await?;
    if !params.version().at_least(CONSOLE_SIZE) {
        wanted.console_size = None;
    }
    if wanted.console_size.is_some() && !wanted.tty {
        return Err(ApiError::invalid(
            "console size is only supported when TTY is enabled",
        ));
    }
    if wanted.detach {
        api.exec.start_detached(&id, wanted).await?;
        return Ok(empty(StatusCode::OK));
    }
    let tty = wanted.tty;
    let attached = match api.exec.start_attached(&id, wanted).await {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
            failed_run(tty, &error)
        }
        answer => answer?,
    };
    take_over(&link, attached, &headers, params.version()).await
}

pub(super) async fn resize(State(api): Api, Path(id): Path<String>, params: Params) -> Answer {
    let (height, width) = terminal_size(&params)?;
    api.exec.resize(&id, height, width).await?;
    Ok(empty(StatusCode::OK))
}

/// A process that says why it could not be and ends: the form in which dockerd tells attached clients.
fn failed_run(tty: bool, error: &ApiError) -> Attached {
    let sentence = Bytes::from(format!("{error}\r\n"));
    Attached {
        tty,
        detach_keys: String::new(),
        stdin: None,
        output: Box::pin(streams::iter([Ok((StdStream::Stdout, sentence))])),
    }
}
