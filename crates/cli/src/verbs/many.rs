//! Verbs that do one thing to each of several objects: all are tried, each that failed is told.

use std::future::Future;

use crate::error::Error;
use crate::output;

/// Does `act` to each name, all at once (Docker's limit of fifty at a time is the engine's to set), prints the names
/// that succeeded in their order, and the failures.
pub(super) async fn each<F, Fut>(names: &[String], act: F) -> Result<i32, Error>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let results = futures_util::future::join_all(names.iter().map(|name| act(name.clone()))).await;
    let mut failed = false;
    for (name, result) in names.iter().zip(results) {
        match result {
            Ok(()) => output::line(name)?,
            Err(error) => {
                failed |= error.exit_code() != 0;
                error.report();
            }
        }
    }
    Ok(i32::from(failed))
}
