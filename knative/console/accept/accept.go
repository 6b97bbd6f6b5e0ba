// Package accept reads what a client says that it takes, in headers such as Accept and
// Accept-Encoding. It is safe for concurrent use.
package accept

import "strings"

// Takes reports whether the lines of such a header name a value, and not with the quality
// 0. A wildcard names none.
func Takes(lines []string, value string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			name, quality, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(name), value) {
				q, found := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
				return !found || strings.Trim(q, "0.") != ""
			}
		}
	}
	return false
}
