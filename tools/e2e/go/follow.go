// Follows a stream by Go's own HTTP client, which asks for gzip and unpacks it, and prints each line.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
)

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("status", answer.StatusCode, "unpacked", answer.Uncompressed)
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
}
