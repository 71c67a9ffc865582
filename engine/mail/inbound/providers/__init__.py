"""What mail providers report by webhook: checked first, then read as what came back.

Nothing is believed without a signature or a login; a repeated report changes nothing, because what
came back counts once.
"""
