package mapserver

import (
	"github.com/corecast/corecast/lisp"
)

// coreCastSiteID is the Site-ID of requesters that want to know which sites
// have CoreCast switches. Nobody else is told: an ITR may reject a whole
// Map-Reply over one locator that it does not know.
var coreCastSiteID = [8]byte([]byte("CORECAST"))

func wantsCoreCast(r *lisp.MapRequest) bool { return r.HasXTR && r.XTR.Site == coreCastSiteID }

// wantsCoreCast says it of a subscriber.
func (sub *subscription) wantsCoreCast() bool { return sub.xtr.Site == coreCastSiteID }

// coreCastLocator is how they are told: a locator that nobody sends packets to
// (priority and M-priority 255), whose address is JSON (RFC 8060 §5.4):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+---------------+---------------+
//	| Priority 255  |   Weight 0    | M Priority 255|  M Weight 0   |
//	+---------------+---------+-+-+-+-------------------------------+
//	|        Unused Flags     |0|0|0|          AFI = 16387          |
//	+---------------+---------+-+-+-+-------------------------------+
//	|    Rsvd1      |     Flags     |    Type = 14  |    Rsvd2    |0|
//	+---------------+---------------+---------------+-------------+-+
//	|            Length             |          JSON length          |
//	+-------------------------------+-------------------------------+
//	|                     {"corecast":1,"list":32}                  |
//	+-------------------------------+-------------------------------+
//	|            AFI = 0            |
//	+-------------------------------+
var coreCastLocator = encodeCoreCastLocator(`{"corecast":1,"list":32}`)

func encodeCoreCastLocator(json string) []byte {
	address, err := lisp.LCAFAddress(&lisp.JSON{Text: []byte(json)})
	if err != nil {
		panic(err) // of a constant
	}
	l := lisp.Locator{Address: address, Priority: lisp.PriorityUnused, MPriority: lisp.PriorityUnused}
	b, err := l.Append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// appendCoreCast adds the locator to the record that starts at start, if the
// mapping's site has CoreCast and the requester wants to know.
func (s *Server) appendCoreCast(dst []byte, start int, m *mapping, wanted bool) []byte {
	if !wanted || negative(dst[start:]) || !m.coreCast {
		return dst
	}
	dst[start+recordLocators]++
	return append(dst, coreCastLocator...)
}
