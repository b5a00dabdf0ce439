"""Simple symbols as Unicode: a Greek letter or a letter with an index needs no typesetting."""

from __future__ import annotations

import re

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "ell": "ℓ",
}
_INDICES = str.maketrans("0123456789aeijkmnprtuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑᵢⱼₖₘₙₚᵣₜᵤᵥₓ")
_SYMBOL = re.compile(r"(?:\\([A-Za-z]+)|([A-Za-z]))(?:_(?:\{([0-9a-z]+)\}|([0-9a-z])))?")


def symbol_text(latex: str) -> str:
    """The symbol in Unicode (``x_0`` gives x₀), or nothing when it is more than a simple symbol."""
    match = _SYMBOL.fullmatch(latex.strip())
    if match is None:
        return ""
    letter = _GREEK.get(match[1], "") if match[1] else match[2]
    index = match[3] or match[4] or ""
    lowered = index.translate(_INDICES)
    if not letter or any(before == after for before, after in zip(index, lowered, strict=True)):
        return ""
    return letter + lowered
