package api

// Error is a problem of RFC 9457: every answer that is none of what was asked
// for.
type Error struct {
	Title  string       `json:"title" doc:"the status in words" example:"Unprocessable Entity"`
	Status int          `json:"status" doc:"HTTP status" example:"422"`
	Detail string       `json:"detail" doc:"what is wrong, and what would be right"`
	Errors []FieldError `json:"errors,omitempty" nullable:"false" doc:"field by field"`
}

// FieldError is what is wrong with one field or parameter.
type FieldError struct {
	Location string `json:"location" doc:"the field: body.…, query.…, path.… or header.…" example:"body.rlocs[0].address"`
	Value    any    `json:"value,omitempty" doc:"what it is"`
	Reason   string `json:"reason" doc:"what is wrong with it" example:"10.0.0.1 lies in EID prefix 10.0.0.0/16 of site studio"`
	Fix      string `json:"fix,omitempty" doc:"what would be right"`
	Message  string `json:"message" doc:"reason and fix in one"`
}
