# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_preflight_rke2_cluster_global_optspecs
    string join \n kubeconfig= context= timeout= color= v/verbose h/help V/version
end

function __fish_preflight_rke2_cluster_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_preflight_rke2_cluster_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_preflight_rke2_cluster_using_subcommand
    set -l cmd (__fish_preflight_rke2_cluster_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -s V -l version -d 'Print version'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -f -a "audit" -d 'Audit the cluster against section 5 of the CIS benchmark'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -f -a "check" -d 'Report who the cluster takes you for, when your certificate ends, and which rights an audit would miss'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -f -a "explain" -d 'Explain a control: its numbers, and what it is judged by; without one, all are listed'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -f -a "fix" -d 'Plan what to change: tokens of default service accounts, network policies; --apply carries it out'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_needs_command" -f -a "rbac" -d 'Print the smallest roles with which an audit, or fix, misses no right'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l from -d 'Judge dumps instead: files of DIR that end with .json, of `kubectl get … -A -o json`, and version.json' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l kubernetes-version -d 'The release of the cluster that the dumps are of, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l benchmark -d 'The version of the benchmark; by default the one for the cluster\'s release' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l format -d 'Output format' -r -f -a "text\t'Plain text'
json\t'One JSON object, for programs'
kube-bench\t'The JSON of kube-bench'
junit\t'JUnit XML'
sarif\t'SARIF 2.1.0'
metrics\t'Metrics for a textfile collector'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l control -d 'Only this control, by number (5.1.5) or key (accounts.default)' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l show -d 'Show only these results [default: all; text leaves out pass and not-applicable]' -r -f -a "fail\t'Scored and not met'
warn\t'Not scored and not met'
error\t'Could not be evaluated'
manual\t'To be assessed manually'
pass\t'Met'
not-applicable\t'Does not apply to this cluster'
waived\t'Not met and waived'
all\t'All results'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l fail-on -d 'Exit with status 4 if this is found and no control fails' -r -f -a "warn\t'A control that is not scored and not met'
manual\t'A control to be assessed manually'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l waivers -d 'Waivers: a file with tables [[audit.waiver]], as in the configuration of preflight-rke2' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l namespace -d 'Only this namespace; may be repeated [default: all]' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l network-policies -d 'Also give namespaces of yours that have none a network policy about what comes in, and remove RKE2\'s marks where a policy of its own is gone' -r -f -a "deny\t'Nothing comes in'
same-namespace\t'What comes from pods of the same namespace comes in'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l output -d 'Print this instead of the plan' -r -f -a "yaml\t'Manifests, for kubectl apply --server-side'
script\t'A shell script of kubectl commands'
admission-policy\t'A mutating admission policy that sets the field on default accounts of namespaces to come (Kubernetes 1.36)'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l from -d 'Plan by dumps instead, as for audit' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l kubernetes-version -d 'The release of the cluster that the dumps are of, such as v1.34.1+rke2r1' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l apply -d 'Carry out the plan: the API server tries changes first, and what it refuses is left out'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -l dry-run -d 'Let the API server try each change, and store none'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand fix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l kubernetes-version -d 'The release of the cluster, such as v1.24.17+rke2r1; by default a current one' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l kubeconfig -d 'The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]' -r -F
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l context -d 'The context of the kubeconfig' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l timeout -d 'How many seconds one answer of the API server may take' -r
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l color -d 'When to colour the output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -l fix -d 'The role that fix needs, which may change accounts and network policies'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -s v -l verbose -d 'Also show controls that are met'
complete -c preflight-rke2-cluster -n "__fish_preflight_rke2_cluster_using_subcommand rbac" -s h -l help -d 'Print help (see more with \'--help\')'
