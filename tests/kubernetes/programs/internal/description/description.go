// Package description prints what a component of Kubernetes accepts, as JSON: its flags, its feature gates, and the
// fields of the configuration files of its schemes.
package description

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/cli"
)

// A Component is all that is printed of a program.
type Component struct {
	Flags []Flag          `json:"flags,omitempty"`
	Gates []Gate          `json:"gates"`
	Kinds []Kind          `json:"kinds,omitempty"`
	Types map[string]Type `json:"types,omitempty"`
}

// A Flag is a flag of a flag set.
type Flag struct {
	Name       string `json:"name"`
	Shorthand  string `json:"shorthand,omitempty"`
	Value      string `json:"value"` // the Go type of its value
	Type       string `json:"type"`  // as its value names it
	Default    string `json:"default,omitempty"`
	NoOption   string `json:"no_option,omitempty"` // the value of a flag without one
	Deprecated bool   `json:"deprecated,omitempty"`
	Hidden     bool   `json:"hidden,omitempty"`
	Field      string `json:"field,omitempty"` // the field of a configuration file that it sets
}

// A Gate is a feature gate, as this release has it.
type Gate struct {
	Name    string   `json:"name"`
	Stage   string   `json:"stage"`
	Default bool     `json:"default,omitempty"`
	Locked  bool     `json:"locked,omitempty"`
	Needs   []string `json:"needs,omitempty"`
}

// Flags returns the flags of a set by name.
func Flags(set *pflag.FlagSet) []Flag {
	flags := []Flag{}
	set.VisitAll(func(flag *pflag.Flag) {
		flags = append(flags, Flag{
			Name:       flag.Name,
			Shorthand:  flag.Shorthand,
			Value:      form(reflect.ValueOf(flag.Value)),
			Type:       flag.Value.Type(),
			Default:    flag.DefValue,
			NoOption:   flag.NoOptDefVal,
			Deprecated: flag.Deprecated != "",
			Hidden:     flag.Hidden,
		})
	})
	sort.Slice(flags, func(i, j int) bool { return flags[i].Name < flags[j].Name })
	return flags
}

// The Go type of a flag's value, with that of a value it wraps, and whether it takes a list at commas apart.
func form(value reflect.Value) string {
	name := value.Type().String()
	if value.Kind() != reflect.Ptr || value.Elem().Kind() != reflect.Struct {
		return name
	}
	if wrapped := value.Elem().FieldByName("value"); wrapped.IsValid() && wrapped.Type() == reflect.TypeOf((*pflag.Value)(nil)).Elem() {
		name += "(" + form(wrapped.Elem()) + ")"
	}
	if whole := value.Elem().FieldByName("NoSplit"); whole.IsValid() && whole.Bool() {
		name += " NoSplit"
	}
	return name
}

// Gates returns the feature gates that the packages of this program have registered, by name.
func Gates() []Gate {
	needs := map[string][]string{}
	// Only newer minors have dependencies.
	if method := reflect.ValueOf(utilfeature.DefaultMutableFeatureGate).MethodByName("Dependencies"); method.IsValid() {
		for iterator := method.Call(nil)[0].MapRange(); iterator.Next(); {
			for i := 0; i < iterator.Value().Len(); i++ {
				gate := iterator.Key().String()
				needs[gate] = append(needs[gate], iterator.Value().Index(i).String())
			}
			sort.Strings(needs[iterator.Key().String()])
		}
	}
	gates := []Gate{}
	for name, specification := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		stage := string(specification.PreRelease)
		if stage == "" {
			stage = "GA"
		}
		gates = append(gates, Gate{
			Name:    string(name),
			Stage:   stage,
			Default: specification.Default,
			Locked:  specification.LockToDefault,
			Needs:   needs[string(name)],
		})
	}
	sort.Slice(gates, func(i, j int) bool { return gates[i].Name < gates[j].Name })
	return gates
}

// Print prints a component that has these flags.
func Print(flags []Flag, schemes ...*runtime.Scheme) {
	component := Component{Flags: flags, Gates: Gates()}
	component.Kinds, component.Types = kinds(schemes)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(component); err != nil {
		panic(err)
	}
}

// Command prints the component of a command, with the flags that it has once it runs.
func Command(command *cobra.Command, schemes ...*runtime.Scheme) {
	command.Args = nil
	command.PersistentPreRun = nil
	command.PersistentPreRunE = nil
	command.PreRun = nil
	command.PreRunE = nil
	command.Run = nil
	command.RunE = func(command *cobra.Command, _ []string) error {
		Print(Flags(command.Flags()), schemes...)
		return nil
	}
	command.SetArgs(nil)
	os.Exit(cli.Run(command))
}
