//! Images that come with the program: a greeting, and a web server that tells who it is.
//!
//! Each is one static program of this workspace (`guests/`) in one layer. Their bytes depend on the program alone, so that
//! the same build has the same ids everywhere.

use std::io;

use corten_archive::Cancel;
use corten_types::Reference;
use serde_json::{Value, json};

use crate::archive::{ArchivedImage, Contents, HOST_ARCHITECTURE, LayerSource};
use crate::layer::digest_of;
use crate::{Error, Images, Loaded, Result};

/// Time stamped on all of them, and the same as seconds since 1970.
const CREATED: &str = "2026-01-01T00:00:00Z";
const CREATED_SECONDS: u64 = 1_767_225_600;

/// An image that needs no registry.
#[derive(Debug)]
pub struct Builtin {
    /// Its repository name, and the name of the program in it.
    pub name: &'static str,
    program: &'static [u8],
    exposed_port: Option<&'static str>,
}

const ALL: [Builtin; 2] = [
    Builtin {
        name: "hello-world",
        program: include_bytes!(concat!(env!("OUT_DIR"), "/hello-world")),
        exposed_port: None,
    },
    Builtin {
        name: "whoami",
        program: include_bytes!(concat!(env!("OUT_DIR"), "/whoami")),
        exposed_port: Some("80/tcp"),
    },
];

/// The built-in image a reference means: `hello-world` or `whoami`, without a tag or with `latest`.
pub fn find(reference: &Reference) -> Option<&'static Builtin> {
    let wanted = reference.clone().with_default_tag().familiar();
    ALL.iter()
        .find(|builtin| wanted == format!("{}:latest", builtin.name))
}

impl Images {
    /// Makes a built-in image and names it `NAME:latest`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn install_builtin(&self, builtin: &Builtin) -> Result<Loaded> {
        let layer = builtin.layer().map_err(Error::Read)?;
        let config = builtin.config(&layer).to_string();
        let blobs = vec![
            self.content.stage(&mut config.as_bytes(), None)?,
            self.content.stage(&mut layer.as_slice(), None)?,
        ];
        let image = ArchivedImage {
            config: 0,
            layers: vec![LayerSource::Staged(1)],
            manifest: None,
            references: vec![format!("{}:latest", builtin.name).parse()?],
            parent: None,
        };
        let images = vec![image];
        let mut loaded = self.add(Contents { images, blobs }, self.early(&Cancel::new()))?;
        loaded
            .pop()
            .ok_or_else(|| Error::Damaged("built-in image was not added".to_owned()))
    }
}

impl Builtin {
    /// A tar stream with the program in it.
    fn layer(&self) -> io::Result<Vec<u8>> {
        let mut header = tar::Header::new_ustar();
        header.set_size(self.program.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(CREATED_SECONDS);
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, self.name, self.program)?;
        archive.into_inner()
    }

    fn config(&self, layer: &[u8]) -> Value {
        let program = format!("/{}", self.name);
        let mut config = json!({
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": [program],
            "WorkingDir": "/",
        });
        if let Some(port) = self.exposed_port {
            config["ExposedPorts"] = json!({ port: {} });
        }
        json!({
            "created": CREATED,
            "architecture": HOST_ARCHITECTURE,
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [digest_of(&[layer])] },
            "history": [{ "created": CREATED, "created_by": format!("corten built-in {}", self.name) }],
        })
    }
}
