//! What is decided about networks on an interface of the machine: macvlan and ipvlan.

use serde::{Deserialize, Serialize};

/// A macvlan network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacvlanOptions {
    /// The machine's interface (`eth0`), or a VLAN on it (`eth0.10`), which is made if missing. Without, the network
    /// is cut off from everything.
    #[serde(default)]
    pub parent: Option<String>,
    /// Who talks to whom.
    #[serde(default)]
    pub mode: MacvlanMode,
}

/// What macvlan endpoints of one parent are to each other (the kernel's modes).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// Frames between them go directly.
    #[default]
    Bridge,
    /// They cannot reach each other.
    Private,
    /// Frames between them go out and come back from the switch.
    Vepa,
    /// A single endpoint takes the parent over.
    Passthru,
}

/// An ipvlan network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpvlanOptions {
    /// As with macvlan.
    #[serde(default)]
    pub parent: Option<String>,
    /// At which layer the parent's traffic is shared out.
    #[serde(default)]
    pub mode: IpvlanMode,
    /// Who talks to whom.
    #[serde(default)]
    pub flag: IpvlanFlag,
}

/// The layer at which ipvlan works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanMode {
    /// As a switch.
    #[default]
    L2,
    /// As a router: no broadcasts, and default routes without a gateway.
    L3,
    /// As a router that the host's connection tracking sees.
    L3s,
}

/// What ipvlan endpoints of one parent are to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanFlag {
    /// They reach each other directly.
    #[default]
    Bridge,
    /// They cannot reach each other.
    Private,
    /// Packets between them go out and come back.
    Vepa,
}
