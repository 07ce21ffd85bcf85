package config

import "strings"

// Nearest returns the candidate nearest to word, or "" when none is near
// enough to be what was meant.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+len(word)/3
	for _, c := range candidates {
		if len(word) >= 3 && strings.HasPrefix(c, word) {
			return c // cut short
		}
		if d := editDistance(word, c); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = c, d
		}
	}
	return best
}

// DidYouMean is the fix for a word that is none of the candidates: the nearest
// one, or all of them.
func DidYouMean(word string, candidates []string) string {
	if s := Nearest(word, candidates); s != "" {
		return "did you mean " + s + "?"
	}
	if len(candidates) == 0 {
		return "none is configured"
	}
	return "use " + joinOr(candidates)
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbors that turn a into b (optimal string alignment).
func editDistance(a, b string) int {
	prev2, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(b)]
}
