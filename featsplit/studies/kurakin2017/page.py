def page(results):
    from featsplit.report.markup import Heading

    return [Heading("x", 1)]
