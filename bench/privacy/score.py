#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores Clew's detectors, and Presidio's beside them, on a corpus whose truth is marked.

    score.py [--seed 2] [--lines 20000] [--clew PROGRAM] [--no-presidio] [--misses]

Two tables: generated lines (corpus.py) and hard lines written by hand (hard.txt). Recall of a detector: the share of its
marked values that are covered to the last byte by what was found. Precision: the share of its findings that touch a marked
value. Both are counted the same way for both programs; a dash stands where a program has no such detector. Exit status 1
where Clew misses a bar: recall 0.98, precision 0.95."""

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEAST_RECALL, LEAST_PRECISION = 0.98, 0.95
MARK = re.compile(r"⟦(\w+)\|(.*?)⟧")

Span = tuple[int, int, str]  # bytes [begin, end), detector


class Line:
    def __init__(self, text: str, spans: list[Span]) -> None:
        self.text, self.spans = text, spans


def generated(seed: int, lines: int) -> list[Line]:
    made = subprocess.run(
        [sys.executable, HERE / "corpus.py", f"--seed={seed}", f"--lines={lines}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [
        Line(entry["text"], [tuple(span) for span in entry["spans"]]) for entry in map(json.loads, made.splitlines())
    ]


def hard() -> list[Line]:
    """Lines of hard.txt: ⟦detector|value⟧ marks what is to be found."""
    lines = []
    for marked in (HERE / "hard.txt").read_text(encoding="utf-8").splitlines():
        if not marked or marked.startswith("##"):
            continue
        text, spans, done = "", [], 0
        for mark in MARK.finditer(marked):
            text += marked[done : mark.start()]
            begin = len(text.encode())
            text += mark.group(2)
            spans.append((begin, len(text.encode()), mark.group(1)))
            done = mark.end()
        lines.append(Line(text + marked[done:], spans))
    return lines


def find_with_clew(program: str, lines: list[Line]) -> list[list[Span]]:
    text = "".join(line.text + "\n" for line in lines)
    answer = subprocess.run(
        [program, "privacy", "test", "--format=json"], input=text, capture_output=True, text=True, check=True
    )
    return [
        [(found["start"], found["end"], found["detector"]) for found in json.loads(line)["found"]]
        for line in answer.stdout.splitlines()
    ]


# Presidio's names for what both look for.
PRESIDIO = {
    "EMAIL_ADDRESS": "email", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip",
    "MAC_ADDRESS": "mac", "US_SSN": "us_ssn", "ES_NIF": "es_id", "ES_NIE": "es_id", "IT_FISCAL_CODE": "it_fiscal_code",
    "UK_NINO": "uk_nino", "IN_AADHAAR": "in_aadhaar", "DE_TAX_ID": "de_tax_id", "FR_NIR": "fr_nir", "NL_BSN": "nl_bsn", "BR_CPF": "br_cpf",
}  # fmt: skip


def find_with_presidio(lines: list[Line]) -> list[list[Span]]:
    """Its recognizers of patterns and check digits, with the words around them. They need tokens but no trained model; its
    recognizers of names and places, which do, look for nothing that is compared here."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class Tokens(NlpEngine):
        def __init__(self) -> None:
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None: ...

        def is_loaded(self) -> bool:
            return True

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return ["en"]

        def is_stopword(self, word: str, language: str) -> bool:
            return self.nlp[language].vocab[word].is_stop

        def is_punct(self, word: str, language: str) -> bool:
            return self.nlp[language].vocab[word].is_punct

        def process_batch(self, texts, language, **_):
            return ((text, self.process_text(text, language)) for text in texts)

        def process_text(self, text: str, language: str) -> NlpArtifacts:
            doc = self.nlp[language](text)
            words = [token.lower_ for token in doc]
            return NlpArtifacts([], doc, [token.idx for token in doc], words, self, language)

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    from presidio_analyzer import predefined_recognizers as all_recognizers

    loaded = {type(recognizer).__name__ for recognizer in registry.recognizers}
    for name in dir(all_recognizers):
        kind = getattr(all_recognizers, name)
        if name in loaded or not isinstance(kind, type) or not name.endswith("Recognizer"):
            continue
        try:
            recognizer = kind(supported_language="en")
        except Exception:  # needs a model, a service or something else to be told
            continue
        if set(recognizer.supported_entities) & set(PRESIDIO):
            registry.add_recognizer(recognizer)
    entities = sorted({entity for r in registry.recognizers for entity in r.supported_entities if entity in PRESIDIO})
    engine = AnalyzerEngine(nlp_engine=Tokens(), registry=registry, supported_languages=["en"])
    result = []
    for line in lines:
        spans = []
        for found in engine.analyze(line.text, language="en", entities=entities, score_threshold=0.4):
            begin = len(line.text[: found.start].encode())
            spans.append((begin, begin + len(line.text[found.start : found.end].encode()), PRESIDIO[found.entity_type]))
        result.append(spans)
    return result


class Score:
    def __init__(self, lines: list[Line], found: list[list[Span]]) -> None:
        self.true, self.covered, self.findings, self.right = Counter(), Counter(), Counter(), Counter()
        self.misses: list[str] = []
        for line, spans in zip(lines, found, strict=True):
            for begin, end, detector in line.spans:
                self.true[detector] += 1
                if covers(spans, begin, end):
                    self.covered[detector] += 1
                else:
                    self.misses.append(f"missed {detector}: {line.text}")
            for begin, end, detector in spans:
                self.findings[detector] += 1
                if any(begin < e and b < end for b, e, _ in line.spans):
                    self.right[detector] += 1
                else:
                    self.misses.append(f"false  {detector}: {line.text}")

    def recall(self, detector: str) -> float | None:
        return self.covered[detector] / self.true[detector] if self.true[detector] else None

    def precision(self, detector: str) -> float | None:
        return self.right[detector] / self.findings[detector] if self.findings[detector] else None


def covers(spans: list[Span], begin: int, end: int) -> bool:
    for b, e, _ in sorted(spans):
        if b <= begin < e:
            begin = e
    return begin >= end


def show(title: str, lines: list[Line], clew: Score, presidio: Score | None) -> bool:
    clean = sum(not line.spans for line in lines)
    print(f"\n{title}: {len(lines)} lines, {clean} without anything\n")
    print(f"| {'detector':15} | marked | recall | precision | Presidio's recall | Presidio's precision |")
    print("|---|---|---|---|---|---|")
    good = True

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    for detector in sorted(set(clew.true) | set(clew.findings)):
        recall, precision = clew.recall(detector), clew.precision(detector)
        fails = (recall is not None and recall < LEAST_RECALL) or (
            precision is not None and precision < LEAST_PRECISION
        )
        good = good and not fails
        other: list[Callable[[], float | None]] = [lambda: None, lambda: None]
        if presidio is not None and detector in PRESIDIO.values():
            other = [lambda d=detector: presidio.recall(d), lambda d=detector: presidio.precision(d)]
        print(
            f"| {detector:15} | {clew.true[detector]:6} | {shown(recall)} | {shown(precision)} | {shown(other[0]())} | {shown(other[1]())} |"
            + (" below the bar" if fails else "")
        )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2, help="of the generated lines; 1 is for tuning, 2 for scoring")
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--clew", default=os.environ.get("CLEW_PROGRAM", str(HERE.parents[1] / "bin" / "clew")))
    parser.add_argument("--no-presidio", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print every line that Clew gets wrong")
    arguments = parser.parse_args()
    good = True
    for title, lines in (("Generated lines", generated(arguments.seed, arguments.lines)), ("Hard lines", hard())):
        clew = Score(lines, find_with_clew(arguments.clew, lines))
        presidio = None if arguments.no_presidio else Score(lines, find_with_presidio(lines))
        good = show(title, lines, clew, presidio) and good
        if arguments.misses:
            print("\n".join(clew.misses))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
