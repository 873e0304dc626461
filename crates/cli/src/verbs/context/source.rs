//! A context by its name, also the one that is in no file.

use std::collections::BTreeMap;
use std::fs;

use crate::context::{Context, DEFAULT, DEFAULT_DESCRIPTION, Endpoint, Secrets, engine_secrets};
use crate::error::Error;
use crate::invocation::Invocation;

/// What the flags and the environment say, as a context.
pub(super) fn default(invocation: &Invocation) -> Context {
    let endpoint = Endpoint {
        host: invocation.default_host(),
        skip_tls_verify: invocation
            .settings
            .tls()
            .is_some_and(|tls| tls.authority.is_none()),
    };
    Context::new(DEFAULT, "", &endpoint)
}

/// A context.
///
/// # Errors
/// When there is none of that name or its file cannot be read.
pub(super) fn find(invocation: &Invocation, name: &str) -> Result<Context, Error> {
    match name {
        DEFAULT => Ok(default(invocation)),
        name => invocation.settings.contexts().get(name),
    }
}

/// A context as another one can be made of it, with its secrets.
///
/// # Errors
/// When there is none of that name or one of its files cannot be read.
pub(super) fn copy(invocation: &Invocation, name: &str) -> Result<(Context, Secrets), Error> {
    if name != DEFAULT {
        let store = invocation.settings.contexts();
        return Ok((store.get(name)?, store.secrets(name)?));
    }
    let mut context = default(invocation);
    context.describe(DEFAULT_DESCRIPTION);
    let mut files = BTreeMap::new();
    if let Some(tls) = invocation.settings.tls() {
        let named = [
            ("ca.pem", &tls.authority),
            ("cert.pem", &tls.certificate),
            ("key.pem", &tls.key),
        ];
        for (name, path) in named {
            if let Some(path) = path {
                files.insert(name.to_owned(), fs::read(path)?);
            }
        }
    }
    Ok((context, engine_secrets(files)))
}
