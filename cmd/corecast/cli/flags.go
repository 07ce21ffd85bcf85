package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corecast/corecast/controller/config"
)

// FlagError says of a flag that cannot be what is wrong with it in the words of
// who typed it: the flag, the value, and what is expected.
func FlagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); !cmd.HasParent() && len(args) > 0 {
		return UnknownCommand(cmd, args[0]) // whose flags nobody knows
	}
	return Usagef("%w (see `%s --help`)", explain(cmd.Flags(), err), cmd.CommandPath())
}

// ParseFlags parses flags that stand by themselves, with the same words.
func ParseFlags(flags *pflag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return explain(flags, err)
	}
	return nil
}

// explain is an error of pflag without the words of Go.
func explain(flags *pflag.FlagSet, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &value):
		flag := value.GetFlag()
		return fmt.Errorf("--%s %q: want %s", flag.Name, value.GetValue(), expected(flag))
	case errors.As(err, &missing):
		flag := missing.GetFlag()
		return fmt.Errorf("--%s has no value: want %s", flag.Name, expected(flag))
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("there is no flag -%s", unknown.GetSpecifiedName())
	case errors.As(err, &unknown):
		return fmt.Errorf("there is no flag --%s%s", unknown.GetSpecifiedName(), nearFlag(flags, unknown.GetSpecifiedName()))
	}
	return err
}

// nearFlag suggests what may have been meant, if anything is near.
func nearFlag(flags *pflag.FlagSet, name string) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := config.Nearest(name, names); near != "" {
		return ": did you mean --" + near + "?"
	}
	return ""
}

// expected says what a flag takes.
func expected(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "int", "int64":
		return "a whole number"
	case "uint8":
		return "a whole number, 0 to 255"
	case "uint16":
		return "a whole number, 0 to 65535"
	case "uint32":
		return "a whole number, 0 to 4294967295"
	case "uint64":
		return "a whole number, 0 or more"
	case "float64":
		return "a number, such as 0.05"
	case "duration":
		return "a time with its unit, such as 500ms, 10s or 5m"
	case "bool":
		return "true or false"
	case "intSlice":
		return "whole numbers, such as 1000,100000"
	}
	name, usage := pflag.UnquoteUsage(flag)
	return name + ", " + usage
}
