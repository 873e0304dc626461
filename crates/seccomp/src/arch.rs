//! The machine architectures a filter tells apart.

/// A system call convention, by its libseccomp name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86 programs.
    X86,
    /// 32-bit pointers on 64-bit x86: shares the 64-bit audit number, its calls carry a flag bit.
    X32,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM programs (EABI).
    Arm,
}

/// Set in the number of every x32 system call.
pub(crate) const X32_BIT: u32 = 0x4000_0000;

impl Arch {
    /// The architecture this program was built for, if filters can be made for it.
    pub fn native() -> Option<Self> {
        if cfg!(target_arch = "x86_64") {
            Some(Self::X86_64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Self::Aarch64)
        } else {
            None
        }
    }

    /// The name in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "SCMP_ARCH_X86_64",
            Self::X86 => "SCMP_ARCH_X86",
            Self::X32 => "SCMP_ARCH_X32",
            Self::Aarch64 => "SCMP_ARCH_AARCH64",
            Self::Arm => "SCMP_ARCH_ARM",
        }
    }

    /// Every architecture.
    pub(crate) const ALL: [Self; 5] = [Self::X86_64, Self::X86, Self::X32, Self::Aarch64, Self::Arm];

    /// The other conventions a kernel for this machine may serve.
    pub(crate) fn companions(self) -> impl Iterator<Item = Self> {
        let companions: &[Self] = match self {
            Self::X86_64 => &[Self::X86, Self::X32],
            Self::Aarch64 => &[Self::Arm],
            Self::X86 | Self::X32 | Self::Arm => &[],
        };
        companions.iter().copied()
    }

    /// Go's name, which profiles use in `includes` and `excludes`.
    pub(crate) fn machine(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::X86 => "386",
            Self::X32 => "x32",
            Self::Aarch64 => "arm64",
            Self::Arm => "arm",
        }
    }

    /// `AUDIT_ARCH_*` (linux/audit.h), which the kernel puts beside the call's number.
    pub(crate) fn audit(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
        }
    }

    /// Whether arguments are 32 bits wide, so that only the lower half of a rule's value counts.
    pub(crate) fn narrow(self) -> bool {
        matches!(self, Self::X86 | Self::Arm)
    }
}

/// Whether `name` is an architecture libseccomp knows: other machines' may stand in a profile.
pub(crate) fn is_known(name: &str) -> bool {
    Arch::ALL.iter().any(|arch| arch.name() == name)
        || matches!(
            name.strip_prefix("SCMP_ARCH_"),
            Some(
                "MIPS"
                    | "MIPS64"
                    | "MIPS64N32"
                    | "MIPSEL"
                    | "MIPSEL64"
                    | "MIPSEL64N32"
                    | "PPC"
                    | "PPC64"
                    | "PPC64LE"
                    | "S390"
                    | "S390X"
                    | "PARISC"
                    | "PARISC64"
                    | "RISCV64"
                    | "LOONGARCH64"
                    | "M68K"
                    | "SH"
                    | "SHEB"
            )
        )
}
