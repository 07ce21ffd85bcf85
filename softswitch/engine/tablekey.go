package engine

import (
	"fmt"
	"math/big"
)

// Match fields in packed keys.

// put ors a number into the field's place in a packed key.
func (k *keyField) put(key []uint64, v *big.Int) {
	if k.words == 1 {
		key[k.word] |= v.Uint64() << k.shift
		return
	}
	copy(key[k.word:], constWords(v, k.words))
}

// get is the inverse of put.
func (k *keyField) get(key []uint64) []byte {
	b := make([]byte, (k.info.Bits+7)/8)
	if k.words == 1 {
		v := key[k.word] >> k.shift & widthMask(k.info.Bits)
		for i := len(b) - 1; i >= 0; i-- {
			b[i] = byte(v)
			v >>= 8
		}
		return b
	}
	storeWords(b, key[k.word:k.word+k.words], k.info.Bits)
	return b
}

// resolve turns a Match into value and mask (low and high, for a range). Bits
// outside the mask are an error, or are cleared if the entry is the program's.
func (k *keyField) resolve(m *Match, clear bool) (value, mask *big.Int, err error) {
	width := k.info.Bits
	switch k.info.Kind {
	case Range:
		if m.Low == nil && m.High == nil {
			return new(big.Int), maxOf(width), nil
		}
		if value, err = number(m.Low, width); err != nil {
			return nil, nil, err
		}
		if mask, err = number(m.High, width); err != nil {
			return nil, nil, err
		}
		if value.Cmp(mask) > 0 {
			return nil, nil, fmt.Errorf("range %#x..%#x is empty: %w", value, mask, ErrBadValue)
		}
		return value, mask, nil
	case LPM:
		if m.PrefixLen < 0 || m.PrefixLen > width {
			return nil, nil, fmt.Errorf("prefix length %d: want 0 to %d: %w", m.PrefixLen, width, ErrBadValue)
		}
		mask = new(big.Int).Lsh(maxOf(m.PrefixLen), uint(width-m.PrefixLen))
	case Exact:
		if m.Value == nil {
			return nil, nil, fmt.Errorf("exact match without value: %w", ErrBadValue)
		}
		mask = maxOf(width)
	default:
		if mask, err = ternaryMask(m, width); err != nil {
			return nil, nil, err
		}
	}
	if value, err = number(m.Value, width); err != nil {
		return nil, nil, err
	}
	if clear {
		value.And(value, mask)
	}
	if new(big.Int).AndNot(value, mask).Sign() != 0 {
		return nil, nil, fmt.Errorf("value %#x has bits outside its mask %#x: %w", value, mask, ErrBadValue)
	}
	return value, mask, nil
}

// ternaryMask is the mask that was given, or all ones for a value alone.
func ternaryMask(m *Match, width int) (*big.Int, error) {
	switch {
	case m.Mask != nil:
		return number(m.Mask, width)
	case m.Value != nil:
		return maxOf(width), nil
	}
	return new(big.Int), nil
}

// number checks that a big-endian value fits a width.
func number(b []byte, bits int) (*big.Int, error) {
	v := new(big.Int).SetBytes(b)
	if v.BitLen() > bits {
		return nil, fmt.Errorf("value %#x does not fit %d bits: %w", v, bits, ErrBadValue)
	}
	return v, nil
}

func (k *keyField) describe(e *entry) Match {
	switch k.info.Kind {
	case Exact:
		return Match{Value: k.get(e.key)}
	case LPM:
		if e.prefix == 0 {
			return Match{}
		}
		return Match{Value: k.get(e.key), PrefixLen: e.prefix}
	case Range:
		return Match{Low: k.get(e.key), High: k.get(e.mask)}
	}
	mask := k.get(e.mask)
	if new(big.Int).SetBytes(mask).Sign() == 0 {
		return Match{}
	}
	if k.info.Kind == Optional {
		return Match{Value: k.get(e.key)}
	}
	return Match{Value: k.get(e.key), Mask: mask}
}
