# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_preflight_rke2_global_optspecs
    string join \n root= rke2-version= color= v/verbose h/help V/version
end

function __fish_preflight_rke2_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_preflight_rke2_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_preflight_rke2_using_subcommand
    set -l cmd (__fish_preflight_rke2_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -s V -l version -d 'Print version'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "check" -d 'Report whether each installed RKE2 unit would start, and why not'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "audit" -d 'Audit this node against the CIS benchmark, without a cluster'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "gate" -d 'Decide whether UNIT may start (run by systemd)'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "monitor" -d 'Watch the host, and start blocked units once it is fixed (run by systemd)'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "status" -d 'Print the status that the monitor keeps'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "fix" -d 'Print, or apply, what makes the units start, now and after the next boot'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "config" -d 'Print RKE2\'s effective settings, and where each is set'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "sysctl" -d 'Print the watched kernel parameters: value now, after the next boot, required'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "explain" -d 'Explain a check or control: which component requires it, and how to fix it'
complete -c preflight-rke2 -n "__fish_preflight_rke2_needs_command" -f -a "completions" -d 'Print a completion script'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l unit -d 'Only this unit' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l role -d 'Check the host as if a node of this role were installed' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'
npd\t'One short line for node-problem-detector, with its exit statuses (0 ok, 1 problem, 2 unknown)'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l fail-on -d 'Exit with status 4 if this is found and nothing blocks the start' -r -f -a "next-boot\t'The unit would not start after the next boot'
control-plane\t'A component of the control plane, or kube-proxy, would exit'
control\t'A CIS control fails'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l upgrade-to -d 'Report whether the units would start after an upgrade to a release (v1.35.3+rke2r1) or minor version (1.35)' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l all -d 'Include satisfied and inapplicable checks (JSON)'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -l measure-disk -d 'Measure how fast the disk of etcd is, with writes of 22 MiB in at most 10 seconds; it decides nothing'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l unit -d 'Only this unit' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l role -d 'Check the host as if a node of this role were installed' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l benchmark -d 'The version of the benchmark; by default the one for the installed release' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'
kube-bench\t'The JSON of kube-bench'
junit\t'JUnit XML'
sarif\t'SARIF 2.1.0'
xccdf\t'XCCDF 1.2'
html\t'One page for a browser'
metrics\t'Metrics for a textfile collector'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l control -d 'Only this control, by number (1.1.12) or key (etcd.datadir.owner)' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l node-type -d 'Only controls for this type of node' -r -f -a "master\t'Section 1: the control plane'
etcd\t'Section 2: etcd'
controlplane\t'Section 3: the control plane\'s configuration'
node\t'Section 4: kubelet and kube-proxy'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l show -d 'Show only these results [default: all; text leaves out pass and not-applicable]' -r -f -a "fail\t'Scored and not met'
warn\t'Not scored and not met'
error\t'Could not be evaluated'
manual\t'To be assessed manually'
pass\t'Met'
not-applicable\t'Does not apply to this node'
waived\t'Not met and waived'
all\t'All results'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l fail-on -d 'Exit with status 4 if this is found and no control fails' -r -f -a "warn\t'A control that is not scored and not met'
manual\t'A control to be assessed manually'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l from -d 'With --format html: a page of these reports of --format json, of any nodes, instead of this node\'s' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand gate" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand gate" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand gate" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand gate" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand gate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand monitor" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand monitor" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand monitor" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand monitor" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l unit -d 'Only this unit' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l role -d 'Check the host as if a node of this role were installed' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l output -d 'Print it for another tool: script is this host\'s plan, the others are everything that is required' -r -f -a "script\t'A shell script to review'
sysctl.d\t'A file for /etc/sysctl.d'
sysusers.d\t'A file for /etc/sysusers.d'
butane\t'Butane, for hosts that Ignition provisions'
cloud-init\t'User data for cloud-init'
ansible\t'Tasks for Ansible'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l uid -d 'The id of the user etcd, if it is created' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l gid -d 'The id of the group etcd, if it is created' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -l apply -d 'Apply the plan, then check again'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand fix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l unit -d 'Only this unit' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l role -d 'Check the host as if a node of this role were installed' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -l all -d 'Include settings that have their default value'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l unit -d 'Only this unit' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l role -d 'Check the host as if a node of this role were installed' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand sysctl" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand explain" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand explain" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand explain" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand explain" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand completions" -l root -d 'Check the host image below DIR instead of this host' -r -F
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand completions" -l rke2-version -d 'Use the rules of this release, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand completions" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand completions" -s v -l verbose -d 'Also show satisfied checks, and the messages RKE2 or the kubelet would exit with'
complete -c preflight-rke2 -n "__fish_preflight_rke2_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
