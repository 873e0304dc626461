//! `info`: the engine and its host at a glance.

use corten_template::Json;
use corten_types::binary_size;
use corten_wire::SystemInfo;
use serde_json::json;

use super::template_help::OBJECT;
use crate::command::{Arity, Command, Outcome};
use crate::error::Error;
use crate::flags::Flag;
use crate::format::Format;
use crate::invocation::Invocation;
use crate::json_text;
use crate::output;
use crate::root::VERSION;
use crate::typed;

pub(crate) static COMMAND: Command = Command {
    about: "Display system-wide information",
    usage: "[OPTIONS]",
    names: &["system info", "info"],
    flags: &[Flag::text("format", OBJECT).short('f')],
    arity: Arity::None,
    interspersed: true,
    run,
};

fn run(invocation: Invocation) -> Outcome {
    Box::pin(async move {
        let format = invocation
            .matches
            .filled("format")
            .map(|text| Format::parse_object("", text, "template parsing error"))
            .transpose()?;
        let debug = invocation.settings.debug;
        let context = invocation.settings.choice.context();
        if format.is_none() {
            output::print(&format!(
                "Client:\n Version:    {VERSION}\n Context:    {context}\n Debug Mode: {debug}\n\nServer:\n"
            ))?;
        }
        let client = invocation.connect().await?;
        let info = client.info().await?;
        match format {
            None => {
                output::print(&show(&info))?;
                for warning in info.warnings.iter().flatten() {
                    output::error_line(warning);
                }
            }
            Some(format) => {
                // The engine's fields in their order, ours behind them.
                let engine = json_text::of(&info)?;
                let client = json!({"Debug": debug, "Version": VERSION, "Context": context, "Plugins": [], "Warnings": null});
                let engine = engine.strip_suffix('}').unwrap_or(&engine);
                let both = format!("{engine},\"ClientInfo\":{client}}}");
                let told = Json::parse(&both).and_then(|json| format.render(&typed::INFO.value(&json)));
                let text = told.as_deref().unwrap_or_else(|error| error.written());
                output::line(text)?;
                told.map_err(|error| Error::plain(error.to_string()))?;
            }
        }
        Ok(0)
    })
}

fn show(info: &SystemInfo) -> String {
    let mut lines: Vec<String> = Vec::new();
    let list = |items: &[String]| items.join(" ");
    lines.push(format!(" Containers: {}", info.containers));
    lines.push(format!("  Running: {}", info.containers_running));
    lines.push(format!("  Paused: {}", info.containers_paused));
    lines.push(format!("  Stopped: {}", info.containers_stopped));
    lines.push(format!(" Images: {}", info.images));
    given(&mut lines, " Server Version", &info.server_version);
    given(&mut lines, " Storage Driver", &info.driver);
    for [name, value] in info.driver_status.iter().flatten() {
        lines.push(format!("  {name}: {value}"));
    }
    given(&mut lines, " Logging Driver", &info.logging_driver);
    given(&mut lines, " Cgroup Driver", &info.cgroup_driver);
    given(&mut lines, " Cgroup Version", &info.cgroup_version);
    lines.push(" Plugins:".to_owned());
    lines.push(format!("  Volume: {}", list(&info.plugins.volume)));
    lines.push(format!("  Network: {}", list(&info.plugins.network)));
    given(
        &mut lines,
        "  Authorization",
        &info
            .plugins
            .authorization
            .iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(" "),
    );
    lines.push(format!("  Log: {}", list(&info.plugins.log)));
    let cdi: Vec<_> = info.cdi_spec_dirs.iter().flatten().collect();
    if !cdi.is_empty() {
        lines.push(" CDI spec directories:".to_owned());
        lines.extend(cdi.iter().map(|dir| format!("  {dir}")));
    }
    lines.push(format!(" Swarm: {}", info.swarm.local_node_state));
    let runtimes: Vec<_> = info.runtimes.keys().cloned().collect();
    lines.push(format!(" Runtimes: {}", list(&runtimes)));
    given(&mut lines, " Default Runtime", &info.default_runtime);
    given(&mut lines, " Init Binary", &info.init_binary);
    given(&mut lines, " containerd version", &info.containerd_commit.id);
    given(&mut lines, " runc version", &info.runc_commit.id);
    given(&mut lines, " init version", &info.init_commit.id);
    if !info.security_options.is_empty() {
        lines.push(" Security Options:".to_owned());
        for option in &info.security_options {
            for (at, part) in option.split(',').enumerate() {
                let (key, value) = part.split_once('=').unwrap_or(("name", part));
                if at == 0 {
                    lines.push(format!("  {value}"));
                } else {
                    let mut letters = key.chars();
                    let title: String = letters
                        .next()
                        .map(|first| first.to_uppercase().chain(letters).collect())
                        .unwrap_or_default();
                    lines.push(format!("   {title}: {value}"));
                }
            }
        }
    }
    given(&mut lines, " Kernel Version", &info.kernel_version);
    given(&mut lines, " Operating System", &info.operating_system);
    given(&mut lines, " OSType", &info.os_type);
    given(&mut lines, " Architecture", &info.architecture);
    lines.push(format!(" CPUs: {}", info.ncpu));
    lines.push(format!(" Total Memory: {}", binary_size(info.mem_total as f64)));
    given(&mut lines, " Name", &info.name);
    given(&mut lines, " ID", &info.id);
    lines.push(format!(" Docker Root Dir: {}", info.docker_root_dir));
    lines.push(format!(" Debug Mode: {}", info.debug));
    if info.debug {
        lines.push(format!("  File Descriptors: {}", info.n_fd));
        lines.push(format!("  Goroutines: {}", info.n_goroutines));
        lines.push(format!("  System Time: {}", info.system_time));
        lines.push(format!("  EventsListeners: {}", info.n_events_listener));
    }
    given(&mut lines, " HTTP Proxy", &info.http_proxy);
    given(&mut lines, " HTTPS Proxy", &info.https_proxy);
    given(&mut lines, " No Proxy", &info.no_proxy);
    if !info.labels.is_empty() {
        lines.push(" Labels:".to_owned());
        lines.extend(info.labels.iter().map(|label| format!("  {label}")));
    }
    lines.push(format!(" Experimental: {}", info.experimental_build));
    if let Some(registries) = &info.registry_config {
        let insecure: Vec<&String> = registries
            .index_configs
            .iter()
            .filter(|(_, index)| !index.secure)
            .map(|(name, _)| name)
            .chain(&registries.insecure_registry_cidrs)
            .collect();
        if !insecure.is_empty() {
            lines.push(" Insecure Registries:".to_owned());
            lines.extend(insecure.iter().map(|name| format!("  {name}")));
        }
        let mirrors: Vec<&String> = registries.mirrors.iter().flatten().collect();
        if !mirrors.is_empty() {
            lines.push(" Registry Mirrors:".to_owned());
            lines.extend(mirrors.iter().map(|mirror| format!("  {mirror}")));
        }
    }
    lines.push(format!(" Live Restore Enabled: {}", info.live_restore_enabled));
    if let Some(firewall) = &info.firewall_backend {
        lines.push(format!(" Firewall Backend: {}", firewall.driver));
        lines.extend(
            firewall
                .info
                .iter()
                .map(|[name, value]| format!("  {name}: {value}")),
        );
    }
    format!("{}\n\n", lines.join("\n"))
}

/// A line for a value that is not empty.
fn given(lines: &mut Vec<String>, name: &str, value: &str) {
    if !value.is_empty() {
        lines.push(format!("{name}: {value}"));
    }
}
