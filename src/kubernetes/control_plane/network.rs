//! Networks.

use std::fmt;
use std::net::IpAddr;

use crate::kubernetes::arguments::network::parse_ip_sloppily;

/// A network: its first address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    pub(super) address: IpAddr,
    pub(super) prefix: u32,
}

impl Cidr {
    /// `ParseCIDRSloppy`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address = parse_ip_sloppily(address)?;
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let network = Self {
            address,
            prefix: prefix.parse().ok()?,
        };
        (network.prefix <= network.bits()).then(|| network.masked())
    }

    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let host = 32_u32.saturating_sub(self.prefix);
                let mask = u32::MAX.checked_shl(host).unwrap_or(0);
                IpAddr::V4((u32::from(address) & mask).into())
            }
            IpAddr::V6(address) => {
                let host = 128_u32.saturating_sub(self.prefix);
                let mask = u128::MAX.checked_shl(host).unwrap_or(0);
                IpAddr::V6((u128::from(address) & mask).into())
            }
        };
        Self { address, ..self }
    }

    pub(super) const fn is_v4(self) -> bool {
        self.address.is_ipv4()
    }

    pub(super) const fn bits(self) -> u32 {
        if self.is_v4() { 32 } else { 128 }
    }

    /// The bits of an address within the network.
    pub(super) const fn host_bits(self) -> u32 {
        self.bits().saturating_sub(self.prefix)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
