package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

const help = `/who         tells who is here
/nick NAME   gives you another name
/help        tells this
Everybody hears whatever else you type.`

// command does what a line says that begins with a slash.
func (s session) command(line string) actions.Transition[session] {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "/who":
		return actions.Next(s, s.youAre(), s.who())
	case "/nick":
		return s.nick(strings.TrimSpace(rest))
	case "/help":
		return actions.Next(s, s.tell(help))
	}
	return actions.Next(s, s.tell("There is no ", word, ": see /help."))
}

func (s session) youAre() actions.Action { return s.tell("You are ", s.Who.Name, ".") }

// who tells who else is here. Presence is all that it takes: an observer is told
// of everybody as it comes, and goes again.
func (s session) who() actions.Action {
	const who = "who"
	return actions.Group(
		endpoint.ObservePublishers(topic.All[Says](), endpoint.OnPresence(s.isHere).FromOthers()).As(who),
		actions.Delete(who),
	)
}

// nick claims a name.
func (s session) nick(name string) actions.Transition[session] {
	switch {
	case !isName(name):
		return actions.Next(s, s.tell("A name is 1 to 20 letters or digits."))
	case strings.HasPrefix(alike(name), "user"):
		return actions.Next(s, s.tell("Names that begin with user are for those who have not chosen one."))
	}
	s.Claims++
	return actions.Next(s, s.claim(name, s.Claims))
}

// isName reports whether a text can be a name. What cannot be seen is not part of
// one, even if it counts as a letter.
func isName(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= 20 && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	})
}

// claim asks for a name, and holds it.
func (s session) claim(name string, nth int) actions.Action {
	return endpoint.Publisher(topic.Where(Name.Is(name), By.Is(s.ID), Nth.Is(nth)),
		endpoint.OnMessageState(session.answered),
	).As(nth)
}

// answered is told whether a claim was granted. If it was, the person becomes
// present under the new name, and others learn both names.
func (s session) answered(c Claim) actions.Transition[session] {
	if !c.Granted {
		return actions.Next(s, actions.Delete(c.Nth), s.tell(c.Name, " is taken."))
	}
	before := s
	s.Held = c.Nth
	drop := actions.When(before.Held > 0, actions.Delete(before.Held))
	if c.Name == s.Who.Name {
		return actions.Next(s, drop, s.youAre())
	}
	s.Who = Person{Name: c.Name, Was: s.Who.Name}
	return actions.Next(s, drop, actions.Delete(presence).Because(errRenamed), s.appear(), s.youAre())
}
