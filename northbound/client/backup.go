package client

import (
	"context"
	"io"
	"net/http"
	"time"
)

// backupTime is how long a backup may take.
const backupTime = 10 * time.Minute

// Backup writes a backup of the controller's store to w. One that was cut off is
// no error here: who reads it finds out.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	client := *c.http
	client.Timeout = backupTime
	slow := Client{base: c.base, token: c.token, http: &client}
	resp, err := slow.send(ctx, http.MethodGet, "/api/v1/backup", nil, nil, http.Header{})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
