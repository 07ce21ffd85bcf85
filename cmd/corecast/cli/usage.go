package cli

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/corecast/corecast/controller/config"
)

// UsageError is a wrong flag or argument: exit status 2.
type UsageError struct{ error }

// Unwrap returns what was wrong.
func (e UsageError) Unwrap() error { return e.error }

// Usage makes an error one of usage.
func Usage(err error) error { return UsageError{err} }

// Usagef makes a UsageError. The text names the flag, the value and the fix.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// NoArguments refuses arguments.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("unexpected argument %q (see `%s --help`)", args[0], cmd.CommandPath())
	}
	return nil
}

// OneArgument wants one argument, and nothing wrong with it: what it is, and how
// the command is written.
func OneArgument(what, usage string, checks ...func(string) error) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return Usagef("want %s, got %d arguments: %s", what, len(args), usage)
		}
		for _, check := range checks {
			if err := check(args[0]); err != nil {
				return err
			}
		}
		return nil
	}
}

// AtMostOne allows one argument.
func AtMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return Usagef("%d arguments: want %s at most (see `%s --help`)", len(args), what, cmd.CommandPath())
		}
		return nil
	}
}

// Family is a command that does nothing itself, and has others below it.
func Family(use, short string, members ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(members...)
	WantMember(cmd)
	return cmd
}

// WantMember makes a command refuse to be given none, or none that there is, of
// those below it.
func WantMember(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return UnknownCommand(cmd, args[0])
		}
		return Usagef("`%s` alone does nothing: %s", cmd.CommandPath(), config.DidYouMean("", members(cmd)))
	}
	cmd.RunE = func(*cobra.Command, []string) error { return nil } // Args has refused
	// A wrong command is worth more words than its flags.
	cmd.FParseErrWhitelist.UnknownFlags = true
}

// manyMembers are too many to name in an error.
const manyMembers = 10

// UnknownCommand is the error of a word that is no command below another.
func UnknownCommand(above *cobra.Command, word string) error {
	names := members(above)
	fix := config.DidYouMean(word, names)
	if near := NearCommand(above, word); near != "" {
		fix = fmt.Sprintf("did you mean `%s`?", near)
	} else if len(names) > manyMembers {
		fix = fmt.Sprintf("`%s --help` lists all", above.CommandPath())
	}
	return Usagef("`%s` has no command %q: %s", above.CommandPath(), word, fix)
}

// NearCommand is the command below another whose name is nearest to a word; empty
// if none is near.
func NearCommand(above *cobra.Command, word string) string {
	name := config.Nearest(word, members(above))
	if name == "" {
		return ""
	}
	return above.CommandPath() + " " + name
}

// members are the names of the commands below another.
func members(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// CheckEID refuses what is neither an address nor a prefix.
func CheckEID(text string) error {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return Usagef("%q is not an EID: want an address or a prefix, such as 10.1.0.7 or 10.1.0.0/16", text)
	}
	if p != p.Masked() {
		return Usagef("%s has host bits set: want %s or %s", text, p.Masked(), p.Addr())
	}
	return nil
}
