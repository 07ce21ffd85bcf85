package lisp

// LCAFType is the type of a LISP canonical address, RFC 8060 §3.
type LCAFType uint8

// The types that ParseLCAF knows. Others keep their bytes.
const (
	LCAFAFIList    LCAFType = 1
	LCAFInstanceID LCAFType = 2
	LCAFASNumber   LCAFType = 3
	LCAFAppData    LCAFType = 4
	LCAFGeo        LCAFType = 5
	LCAFNAT        LCAFType = 7
	LCAFELP        LCAFType = 10
	LCAFSourceDest LCAFType = 12
	LCAFJSON       LCAFType = 14
)

// lcafHeaderSize is the size of an LCAF's header with its AFI, RFC 8060 §3:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+---------------+---------------+
//	|           AFI = 16387         |     Rsvd1     |     Flags     |
//	+---------------+---------------+-------------------------------+
//	|    Type       |     Rsvd2     |            Length             |
//	+---------------+---------------+-------------------------------+
const lcafHeaderSize = 8

// LCAFType returns the type of an LCAF, and 0 (the null body) for an address
// that is none.
func (a *Address) LCAFType() LCAFType {
	if len(a.Raw) < lcafHeaderSize || a.AFI() != AFILCAF {
		return 0
	}
	return LCAFType(a.Raw[4])
}
