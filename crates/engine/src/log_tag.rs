//! The log option `tag`: Docker's templates, as far as they name what a container is called.

use crate::error::{Error, Result};
use crate::record::ContainerRecord;

/// What `.DaemonName` is, as Docker's own daemon calls itself.
const DAEMON_NAME: &str = "docker";
/// How much of an identifier its short form has. An image's begins with `sha256:`, and Docker cuts that as well.
const SHORT: usize = 12;

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    /// A field, and where it stands in the template.
    Field(&'a str, usize),
}

/// Refuses a template that cannot be expanded.
pub(crate) fn check(template: &str) -> Result<()> {
    for piece in parse(template)? {
        if let Piece::Field(name, at) = piece {
            field(name, None).ok_or_else(|| unknown(name, at))?;
        }
    }
    Ok(())
}

/// The template with everything replaced by what it stands for.
pub(crate) fn expand(template: &str, record: &ContainerRecord) -> Result<String> {
    let mut expanded = String::new();
    for piece in parse(template)? {
        match piece {
            Piece::Text(text) => expanded.push_str(text),
            Piece::Field(name, at) => {
                expanded.push_str(&field(name, Some(record)).ok_or_else(|| unknown(name, at))?);
            }
        }
    }
    Ok(expanded)
}

/// What a field stands for; without a record whether there is such a field.
fn field(name: &str, record: Option<&ContainerRecord>) -> Option<String> {
    let of = |value: fn(&ContainerRecord) -> String| Some(record.map(value).unwrap_or_default());
    let short = |text: &str| text.chars().take(SHORT).collect();
    match name {
        "ID" => of(|record| record.id.short().to_owned()),
        "FullID" | "ContainerID" => of(|record| record.id.to_string()),
        "Name" => of(|record| record.name.clone()),
        "ContainerName" => of(|record| format!("/{}", record.name)),
        "ImageID" => of(|record| record.image_id.to_string()).map(|id| short(&id)),
        "ImageFullID" | "ContainerImageID" => of(|record| record.image_id.to_string()),
        "ImageName" | "ContainerImageName" => of(|record| record.image_name.clone()),
        "DaemonName" => Some(DAEMON_NAME.to_owned()),
        _ => None,
    }
}

fn parse(template: &str) -> Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("{{") {
        let (action, behind) = after
            .split_once("}}")
            .ok_or_else(|| invalid("template: log-tag:1: unclosed action"))?;
        pieces.push(Piece::Text(text));
        let name = action
            .trim()
            .strip_prefix('.')
            .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let Some(name) = name else {
            return Err(Error::Unsupported(format!("the log tag {{{{{action}}}}}")));
        };
        let at = template.len() - after.len() + action.find('.').unwrap_or_default();
        pieces.push(Piece::Field(name, at));
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn unknown(name: &str, at: usize) -> Error {
    invalid(&format!(
        "template: log-tag:1:{at}: executing \"log-tag\" at <.{name}>: can't evaluate field {name} in type *logger.Info"
    ))
}

fn invalid(why: &str) -> Error {
    Error::Invalid(format!("failed to initialize logging driver: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn fields_are_replaced() {
        let record = fixture::record("box");
        let (id, image) = (record.id.to_string(), record.image_id.to_string());
        assert_eq!(
            expand("{{.Name}}/{{ .ID }}-{{.ImageName}} {{.DaemonName}}!", &record).unwrap(),
            format!("box/{}-image docker!", &id[..12])
        );
        assert_eq!(
            expand("{{.FullID}}{{.ImageFullID}}", &record).unwrap(),
            format!("{id}{image}")
        );
        assert_eq!(expand("{{.ImageID}}", &record).unwrap(), image[..12]);
        assert_eq!(expand("plain }}", &record).unwrap(), "plain }}");
    }

    #[test]
    fn mistakes_are_told_in_gos_words() {
        let said = |template| check(template).unwrap_err().to_string();
        assert!(said("a{{.Foo}}").ends_with(
            "template: log-tag:1:3: executing \"log-tag\" at <.Foo>: can't evaluate field Foo in type *logger.Info"
        ));
        assert!(said("{{.ID").ends_with("template: log-tag:1: unclosed action"));
        assert!(said("{{printf \"x\"}}").contains("not supported by Corten yet"));
        assert!(check("{{.ID}}{{.Name}}").is_ok());
    }
}
