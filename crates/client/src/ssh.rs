//! Engines of other machines: `ssh` runs their command line's `system dial-stdio`, whose standard streams are the connection.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::str::FromStr;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::Error;
use crate::ssh_process::SshProcess;

const PROGRAM: &str = "ssh";

/// What stands behind `ssh://`: `[USER@]HOST[:PORT][/SOCKET]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// Path of the engine's socket over there, if it is not the usual one.
    socket: Option<String>,
}

impl FromStr for Ssh {
    type Err = Error;

    /// Docker's sentences.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: String| {
            Error::Address(format!(
                "ssh host connection is not valid: invalid SSH URL: {why}"
            ))
        };
        if let Some((_, fragment)) = text.split_once('#') {
            return Err(refuse(format!("fragments are not allowed: {fragment:?}")));
        }
        if let Some((_, query)) = text.split_once('?') {
            return Err(refuse(format!("query parameters are not allowed: {query:?}")));
        }
        let (authority, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(refuse("plain-text password is not supported".to_owned()));
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (place, None),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            None => None,
            Some(port) => Some(port.parse().map_err(|_| {
                Error::Address(format!(
                    "parse \"ssh://{text}\": invalid port \":{port}\" after host"
                ))
            })?),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(refuse("hostname is empty".to_owned()));
        }
        Ok(Self {
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: (path.len() > 1).then(|| path.to_owned()),
        })
    }
}

impl fmt::Display for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

impl Ssh {
    /// The arguments of `ssh`, as Docker gives them: a host that looks like an option stays a host.
    fn arguments(&self) -> Vec<String> {
        let mut all: Vec<String> = ["-o", "ConnectTimeout=30", "-T"].map(str::to_owned).into();
        if let Some(user) = &self.user {
            all.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            all.extend(["-p".to_owned(), port.to_string()]);
        }
        all.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            // A shell reads it over there.
            let quoted = format!("unix://{socket}").replace('\'', "'\\''");
            all.extend(["--host".to_owned(), format!("'{quoted}'")]);
        }
        all.extend(["system", "dial-stdio"].map(str::to_owned));
        all
    }

    /// Runs `ssh`. What it has to say is kept for the error it may end with.
    pub(crate) fn dial(&self) -> io::Result<SshStream> {
        let arguments = self.arguments();
        let mut child = Command::new(PROGRAM)
            .args(&arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the container.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(complaints)) = pipes else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let command = format!("command [{PROGRAM} {}]", arguments.join(" "));
        Ok(SshStream {
            input: Some(input),
            output,
            end: Some(Box::pin(SshProcess::new(command, child, complaints).end())),
        })
    }
}

/// A connection through `ssh`, which ends with it.
pub(crate) struct SshStream {
    /// Dropped when nothing more is to be sent: only so does the other side see the end.
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// How the process ends, which goes with it; none when that has been told.
    end: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
}

impl SshStream {
    /// Ready when it is known how the connection ended: an error where `ssh` failed.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(end) = &mut self.end else {
            return Poll::Ready(Ok(()));
        };
        let ended = ready!(end.as_mut().poll(context));
        self.end = None;
        Poll::Ready(ended)
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.remaining();
        ready!(Pin::new(&mut self.output).poll_read(context, buffer))?;
        if before == 0 || buffer.remaining() < before {
            return Poll::Ready(Ok(()));
        }
        self.poll_end(context)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.input {
            Some(input) => ready!(Pin::new(input).poll_write(context, bytes)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if self.input.is_some() && matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe)
        {
            // It may have failed before anything could be sent.
            ready!(self.poll_end(context))?;
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_docker_calls_it() {
        let arguments = |text: &str| text.parse::<Ssh>().unwrap().arguments().join(" ");
        assert_eq!(
            arguments("far"),
            "-o ConnectTimeout=30 -T -- far docker system dial-stdio"
        );
        assert_eq!(
            arguments("me@far:2222/run/it's.sock"),
            "-o ConnectTimeout=30 -T -l me -p 2222 -- far docker --host 'unix:///run/it'\\''s.sock' system dial-stdio"
        );
        assert_eq!(
            arguments("-oProxyCommand=x"),
            "-o ConnectTimeout=30 -T -- -oProxyCommand=x docker system dial-stdio"
        );
    }

    #[test]
    fn what_is_no_machine() {
        let said = |text: &str| text.parse::<Ssh>().unwrap_err().to_string();
        for (text, why) in [
            ("", "hostname is empty"),
            ("me:secret@far", "plain-text password is not supported"),
            ("far?x", "query parameters are not allowed: \"x\""),
            ("far#x", "fragments are not allowed: \"x\""),
        ] {
            let sentence = format!("ssh host connection is not valid: invalid SSH URL: {why}");
            assert_eq!(said(text), sentence);
        }
        assert_eq!(
            said("far:x"),
            "parse \"ssh://far:x\": invalid port \":x\" after host"
        );
    }
}
