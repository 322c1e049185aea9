package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite"

	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// version is that of the tables, and of what apply makes of an input. A change of either begins
// the read model anew.
const version = 1

const schema = `
CREATE TABLE payments (input INTEGER PRIMARY KEY, time TEXT, account TEXT, amount INTEGER);
CREATE TABLE balances (account TEXT PRIMARY KEY, balance INTEGER);
CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT);
INSERT INTO position VALUES (1, '');
`

// keep keeps a read model of the journal in a folder, until ctx is done.
func keep(ctx context.Context, dir, file string) error {
	db, err := openModel(file)
	if err != nil {
		return err
	}
	for err == nil {
		err = follow(ctx, db, dir)
		if r, ok := errors.AsType[*journal.RewrittenError](err); ok {
			fmt.Printf("%v: the read model begins anew\n", r)
			err = inTransaction(db, begin)
		}
	}
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, db.Close())
}

// openModel opens the database. If it has no tables, or those of another version, they are made.
func openModel(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	err = inTransaction(db, func(tx *sql.Tx) error {
		var is int
		if err := tx.QueryRow("PRAGMA user_version").Scan(&is); err != nil || is == version {
			return err
		}
		return begin(tx)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// begin begins the read model anew.
func begin(tx *sql.Tx) error {
	_, err := tx.Exec(fmt.Sprintf(`
		DROP TABLE IF EXISTS payments; DROP TABLE IF EXISTS balances; DROP TABLE IF EXISTS position;
		%s; PRAGMA user_version = %d`, schema, version))
	return err
}

// follow brings the read model up to date, and keeps it so.
func follow(ctx context.Context, db *sql.DB, dir string) error {
	var text string
	var at journal.Position
	err := db.QueryRow("SELECT text FROM position").Scan(&text)
	if err = cmp.Or(err, at.UnmarshalText([]byte(text))); err != nil {
		return err
	}
	for page, err := range journal.Follow(ctx, dir, at) {
		if err != nil {
			return err
		}
		if err := inTransaction(db, func(tx *sql.Tx) error { return add(tx, page) }); err != nil {
			return err
		}
	}
	return nil
}

// add adds inputs to the read model, and the position behind them.
func add(tx *sql.Tx, page journal.Page) error {
	for _, in := range page.Inputs {
		if err := apply(tx, &in); err != nil {
			return fmt.Errorf("input %d: %w", in.Seq, err)
		}
	}
	text, err := page.Position.MarshalText()
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE position SET text = ?", string(text))
	return err
}

// apply adds an input, if it is a payment.
func apply(tx *sql.Tx, in *journal.Input) error {
	if in.Kind != vm.Value || in.Skipped {
		return nil
	}
	v, err := in.Value()
	if err != nil {
		return err
	}
	line, _ := v.(console.Line) // other inputs have other values
	p, ok := parse(line.Text)
	if !ok {
		return nil
	}
	if _, err := tx.Exec("INSERT INTO payments VALUES (?, ?, ?, ?)", in.Seq, in.Time.Format("2006-01-02T15:04:05.000Z"), p.Account, p.Amount); err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO balances VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET balance = balance + excluded.balance", p.Account, p.Amount)
	return err
}

// inTransaction calls f in a transaction.
func inTransaction(db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
