"""Photograph a digest for the README: `make demo && python docs/make_picture.py demo/digest.html docs/digest.png`."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

if __name__ == "__main__":
    page_file, picture = Path(sys.argv[1]), Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 700, "height": 400})
        page.goto(page_file.absolute().as_uri())
        page.screenshot(path=picture, full_page=True)
        browser.close()
