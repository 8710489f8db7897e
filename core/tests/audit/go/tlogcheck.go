// Command tlogcheck verifies a folder of C2SP tlog-tiles with Go's own transparency log packages, so that the
// proof of Gongzhi's audit log does not rest on Gongzhi's code.
//
//	tlogcheck <verifier key> <folder> <proofs.json> [<flips>]
//
// It checks the checkpoint's signature, hashes every entry and compares it with the authenticated leaf hash,
// and checks the proofs of proofs.json, which must also be those that Go makes itself. The answer is a JSON object.
// With a file of flips (lines of path and bit number) it repeats all of this once a line, on the log as it would be
// with that bit flipped, and answers a line each: "caught <path> <bit>: <reason>" or "MISSED <path> <bit>".
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// Proofs are those that Gongzhi made: hashes in base64, of RFC 6962 order.
type Proofs struct {
	Inclusion []struct {
		Index  int64
		Hashes []tlog.Hash
	}
	Consistency []struct {
		Older  int64
		Hashes []tlog.Hash
	}
}

// Result says how much was checked.
type Result struct {
	Origin      string `json:"origin"`
	Size        int64  `json:"size"`
	Root        string `json:"root"`
	Leaves      int64  `json:"leaves"`
	Inclusion   int    `json:"inclusion"`
	Consistency int    `json:"consistency"`
}

// A folder is a log as files, with at most one bit flipped.
type folder struct {
	root  string
	cache map[string][]byte
	flip  string
	bit   int
}

func (f *folder) read(path string) ([]byte, error) {
	data, ok := f.cache[path]
	if !ok {
		var err error
		if data, err = os.ReadFile(filepath.Join(f.root, filepath.FromSlash(path))); err != nil {
			return nil, err
		}
		f.cache[path] = data
	}
	if path == f.flip {
		data = append([]byte(nil), data...)
		data[f.bit/8] ^= 1 << (f.bit % 8)
	}
	return data, nil
}

// Height, ReadTiles and SaveTiles make a folder a tlog.TileReader.
func (f *folder) Height() int { return tileHeight }

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// Go's own paths carry the height; C2SP fixed it at 8 and left it out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := f.read(path)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", path, len(data))
		}
		all[i] = data
	}
	return all, nil
}

func (f *folder) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 && len(args) != 4 {
		return errors.New("usage: tlogcheck <verifier key> <folder> <proofs.json> [<flips>]")
	}
	key, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	var proofs Proofs
	if err := json.Unmarshal(text, &proofs); err != nil {
		return err
	}
	log := &folder{root: args[1], cache: map[string][]byte{}}
	result, err := check(log, key, proofs)
	if err != nil {
		return err
	}
	if len(args) == 4 {
		return flips(log, key, proofs, args[3])
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func flips(log *folder, key note.Verifier, proofs Proofs, list string) error {
	file, err := os.Open(list)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		path, bit, _ := strings.Cut(lines.Text(), " ")
		log.flip = path
		if log.bit, err = strconv.Atoi(bit); err != nil {
			return err
		}
		if _, err := check(log, key, proofs); err != nil {
			fmt.Fprintf(out, "caught %s %d: %q\n", path, log.bit, err)
		} else {
			fmt.Fprintf(out, "MISSED %s %d\n", path, log.bit)
		}
	}
	return lines.Err()
}

func check(log *folder, key note.Verifier, proofs Proofs) (*Result, error) {
	origin, tree, err := checkpoint(log, key)
	if err != nil {
		return nil, err
	}
	hashes := tlog.TileHashReader(tree, log)
	result := &Result{Origin: origin, Size: tree.N, Root: tree.Hash.String()}
	if result.Leaves, err = leaves(log, tree, hashes); err != nil {
		return nil, err
	}
	if result.Inclusion, err = inclusion(tree, hashes, proofs); err != nil {
		return nil, err
	}
	if result.Consistency, err = consistency(tree, hashes, proofs); err != nil {
		return nil, err
	}
	return result, nil
}

func checkpoint(log *folder, key note.Verifier) (string, tlog.Tree, error) {
	var tree tlog.Tree
	message, err := log.read("checkpoint")
	if err != nil {
		return "", tree, err
	}
	opened, err := note.Open(message, note.VerifierList(key))
	if err != nil {
		return "", tree, err
	}
	for _, signature := range opened.Sigs {
		// Open is lenient about the bits of base64 that carry nothing; a changed byte is a changed byte.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return "", tree, err
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() || lines[3] != "" {
		return "", tree, errors.New("checkpoint: not three lines of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return lines[0], tree, err
}

// leaves hashes every entry and compares it with the leaf hash that the tiles authenticate.
func leaves(log *folder, tree tlog.Tree, hashes tlog.HashReader) (int64, error) {
	var done int64
	for start := int64(0); start < tree.N; start += tileWidth {
		width := tree.N - start
		if width > tileWidth {
			width = tileWidth
		}
		tile := tlog.Tile{H: tileHeight, L: 0, N: start / tileWidth, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle, err := log.read(path)
		if err != nil {
			return done, err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return done, err
		}
		reader := bytes.NewReader(bundle)
		for _, hash := range expected {
			entry, err := next(reader)
			if err != nil {
				return done, fmt.Errorf("%s: entry %d: %w", path, done, err)
			}
			if tlog.RecordHash(entry) != hash {
				return done, fmt.Errorf("%s: entry %d is not the one in the tree", path, done)
			}
			done++
		}
		if reader.Len() > 0 {
			return done, fmt.Errorf("%s: %d bytes too many", path, reader.Len())
		}
	}
	return done, nil
}

func next(reader *bytes.Reader) ([]byte, error) {
	var length uint16
	if err := binary.Read(reader, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	entry := make([]byte, length)
	if read, _ := reader.Read(entry); read != int(length) {
		return nil, errors.New("cut short")
	}
	return entry, nil
}

func inclusion(tree tlog.Tree, hashes tlog.HashReader, proofs Proofs) (int, error) {
	for done, proof := range proofs.Inclusion {
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, proof.Index)})
		if err != nil {
			return done, err
		}
		if err := tlog.CheckRecord(proof.Hashes, tree.N, tree.Hash, proof.Index, leaf[0]); err != nil {
			return done, fmt.Errorf("inclusion of %d: %w", proof.Index, err)
		}
		own, err := tlog.ProveRecord(tree.N, proof.Index, hashes)
		if err != nil {
			return done, err
		}
		if !same(own, proof.Hashes) {
			return done, fmt.Errorf("inclusion of %d: Go proves it otherwise", proof.Index)
		}
	}
	return len(proofs.Inclusion), nil
}

func consistency(tree tlog.Tree, hashes tlog.HashReader, proofs Proofs) (int, error) {
	for done, proof := range proofs.Consistency {
		older, err := tlog.TreeHash(proof.Older, hashes)
		if err != nil {
			return done, err
		}
		if err := tlog.CheckTree(proof.Hashes, tree.N, tree.Hash, proof.Older, older); err != nil {
			return done, fmt.Errorf("consistency with %d: %w", proof.Older, err)
		}
		own, err := tlog.ProveTree(tree.N, proof.Older, hashes)
		if err != nil {
			return done, err
		}
		if !same(own, proof.Hashes) {
			return done, fmt.Errorf("consistency with %d: Go proves it otherwise", proof.Older)
		}
	}
	return len(proofs.Consistency), nil
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
