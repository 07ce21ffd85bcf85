package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/corecast/corecast/northbound/api"
	"github.com/corecast/corecast/northbound/client"
)

// restMain is the command of scripts that speaks REST, as a user's own program
// would:
//
//	rest put|patch KIND NAME JSON
//	rest delete KIND NAME
//	rest get PATH
//	rest follow
//
// It asks the controller at $REST, or where one is unless it is told otherwise.
// It prints what is answered; the status is 1 if that is a problem.
func restMain() {
	if err := rest(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rest(args []string) error {
	server := os.Getenv("REST")
	if server == "" {
		server = client.DefaultServer
	}
	c, err := client.New(server)
	if err != nil {
		return err
	}
	ctx := context.Background()
	args = append(args, "", "", "", "")
	ref := api.Ref{Kind: api.Kind(args[1]), Name: args[2]}
	switch args[0] {
	case "put":
		object, created, err := c.Put(ctx, ref, []byte(args[3]), client.Condition{})
		fmt.Printf("created: %v\n%s", created, object)
		return err
	case "patch":
		object, err := c.Patch(ctx, ref, []byte(args[3]), client.Condition{})
		fmt.Printf("%s", object)
		return err
	case "delete":
		return c.Delete(ctx, ref, client.Condition{})
	case "get":
		return restGet(server + args[1])
	case "follow":
		for e, err := range c.Follow(ctx, "0.0") {
			if err != nil {
				return err
			}
			if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("rest %s: unknown", args[0])
}

func restGet(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}
