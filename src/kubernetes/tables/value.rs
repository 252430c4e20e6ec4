//! The kinds of values that flags have.

macro_rules! value_kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a flag's value may be: the Go type of its `pflag.Value`. In parentheses the functions that parse it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ValueKind {
            $($(#[$doc])* $name,)*
            /// A type that is not known here. Never refuse a value of it.
            Other,
        }

        impl ValueKind {
            /// All of them, without `Other`.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of the variant, as the tables write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Other => "Other",
                }
            }

            pub(super) fn parse(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

value_kinds! {
    /// `pflag.boolValue`, and `flag.BoolTrackerValue` around it (`strconv.ParseBool`).
    Bool,
    /// `pflag.intValue` (`strconv.ParseInt(…, 0, 64)`).
    Int,
    /// `pflag.int32Value` (`strconv.ParseInt(…, 0, 32)`).
    Int32,
    /// `pflag.int64Value` (`strconv.ParseInt(…, 0, 64)`).
    Int64,
    /// `pflag.uintValue` (`strconv.ParseUint(…, 0, 64)`).
    Uint,
    /// `pflag.float32Value` (`strconv.ParseFloat(…, 32)`).
    Float32,
    /// `pflag.float64Value` (`strconv.ParseFloat(…, 64)`).
    Float64,
    /// `pflag.durationValue` (`time.ParseDuration`).
    Duration,
    /// A duration of Go's own package `flag` in `pflag.flagValueWrapper`, whose error is always `parse error`.
    GoDuration,
    /// A bool of Go's own package `flag`; the error is `parse error`.
    GoBool,
    /// An int of Go's own package `flag`; the error is `parse error` or `value out of range`.
    GoInt,
    /// An int64 of Go's own package `flag`; errors as for `GoInt`.
    GoInt64,
    /// An uint64 of Go's own package `flag`; errors as for `GoInt`.
    GoUint64,
    /// `pflag.stringValue`, alone or in a `flag.TrackerValue`, or a string of Go's own package `flag`: any value.
    String,
    /// `pflag.stringSliceValue`, alone or in a `flag.TrackerValue`: one record of `encoding/csv`.
    StringSlice,
    /// `pflag.stringArrayValue`: any value, each time the flag is given.
    StringArray,
    /// `pflag.int32SliceValue`: numbers separated by commas.
    Int32Slice,
    /// `pflag.stringToStringValue`: a record of `encoding/csv` of `key=value`.
    StringToString,
    /// `pflag.ipValue`: an address, spaces around it allowed; nothing is no address until pflag 1.0.6.
    Ip,
    /// `flag.IPVar` of component-base: an address, or nothing.
    IpVar,
    /// `flag.IPPortVar`: an address with or without a port, or nothing.
    IpPort,
    /// `flag.MapStringString`: `key=value`, separated by commas.
    MapStringString,
    /// `flag.MapStringString` without splitting at commas: one `key=value`.
    MapStringStringWhole,
    /// `flag.MapStringBool`: `key=bool`, separated by commas.
    MapStringBool,
    /// `flag.ConfigurationMap`: `key` or `key=value`, separated by commas.
    ConfigurationMap,
    /// `flag.LangleSeparatedMapStringString`: `key<value`, separated by commas.
    LangleSeparatedMap,
    /// `flag.ColonSeparatedMultimapStringString`: `key:value`, separated by commas, values without a key allowed
    /// where it is `feature-gates`.
    ColonSeparatedMultimap,
    /// `featuregate.featureGate` itself: gates are looked up while flags are parsed.
    FeatureGate,
    /// `flag.NamedCertKeyArray`: `certificate,key` with `:names` after it.
    NamedCertKeys,
    /// `flag.RegisterWithTaintsVar`: `key=value:effect`, separated by commas.
    Taints,
    /// `flag.ReservedMemoryVar`: `node:type=quantity,type=quantity;node:…`.
    ReservedMemory,
    /// `net.PortRange`: `80-90` or `80+10`.
    PortRange,
    /// `flag.PortRangeVar`: as `net.PortRange`, with an error of its own.
    PortRangeVar,
    /// Networks of GCE's load balancers.
    GceCidrs,
    /// `klog.Level`: the verbosity of logs (`strconv.ParseInt(…, 10, 32)`).
    KlogLevel,
    /// klog's `moduleSpec`: `pattern=N`, separated by commas.
    KlogModules,
    /// klog's `severity`: `INFO`, `WARNING`, `ERROR`, `FATAL` or a number.
    KlogSeverity,
    /// klog's `traceLocation`: `file.go:234`.
    KlogTrace,
    /// kube-proxy's `config.LocalMode`.
    LocalMode,
    /// kube-proxy's `config.ProxyMode`.
    ProxyMode,
    /// `resource.QuantityValue`.
    Quantity,
    /// `verflag.versionValue`: a bool, `raw`, or a version.
    Version,
    /// The verbosity of logs: a number.
    Verbosity,
    /// The verbosity of logs by file: `pattern=N`, separated by commas.
    VModule,
}
